"""The pages of signing in, over a real PostgreSQL: replicas of one service, and browsers that keep cookies."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response

import app.console
from app.audit.store import AuditFilters, AuditStore
from app.clock import utc_now
from app.console.rendering import coded
from app.console.signin.routes import routes
from app.console.signin.wiring import open_desk
from app.process import open_process
from app.settings import load_settings
from app.web.access.attempts import Attempts, Budget
from app.web.access.gate import REFUSALS_PER_MINUTE, Gate
from app.web.access.record import Recorder
from app.web.access.tokens import Tokens
from tests.support.service import TOKENS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from starlette.requests import Request

    from app.console.signin.desk import Desk
    from app.process import Process

BASE = "https://segue.acme.example"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
PAGES = Environment(
    loader=FileSystemLoader(Path(app.console.__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
# What the frame around the pages gives to `bare.html`.
PAGES.globals |= {"static": lambda name: f"/admin/static/{name}", "icon": "icon.svg", "root": "/admin"}
PAGES.filters["coded"] = coded


@dataclass
class Replica:
    """One process of a service. `now` is its clock, `tokens` what SEGUE_TOKENS holds, `shown` the pages' models."""

    process: Process
    desk: Desk
    app: Starlette
    tokens: list[str]
    later: timedelta
    shown: list[object]
    refused: list[str]

    def now(self) -> datetime:
        """Return the time of this replica."""
        return utc_now() + self.later

    def browser(self, base: str = BASE, **cookies: str) -> httpx.AsyncClient:
        """Return a browser that sends forms from pages of the console."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=base, headers=SAME_ORIGIN, cookies=cookies)

    async def audit(self) -> Sequence[Mapping[str, Any]]:
        """Return the audit log, newest first."""
        return await AuditStore(self.process.engine).page(AuditFilters())


@asynccontextmanager
async def replica(
    database_url: str, *, tokens: str = TOKENS, base: str | None = BASE, **given: str
) -> AsyncIterator[Replica]:
    """Run a replica, as the console's wiring builds it. `given` are settings."""
    named = {f"SEGUE_{name.upper()}": value for name, value in given.items()}
    environment = {"SEGUE_DATABASE_URL": database_url, **({"SEGUE_CONSOLE_URL": base} if base else {}), **named}
    ticks, held, shown, refused = itertools.count(), [tokens], list[object](), list[str]()
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(open_process(load_settings(environment), environment, database_url))
        gate = Gate(
            Tokens(lambda _: held[0], lambda: float(next(ticks))),  # each look is a second after the one before
            tuple,
            frozenset(),
            process.settings.trusted_proxies,
            Attempts(),
            Budget(REFUSALS_PER_MINUTE),
            refused=refused.append,
            revision=lambda: None,
        )
        made: list[Replica] = []
        recorder = Recorder(AuditStore(process.engine).write)
        desk = open_desk(process, gate, recorder, lambda: utc_now() + made[0].later)

        def render(_request: Request, template: str, model: object, status: int = 200) -> Response:
            shown.append(model)
            return HTMLResponse(PAGES.get_template(template).render(page=model), status)

        app = Starlette(routes=routes(desk, render))
        made.append(Replica(process, desk, app, held, timedelta(0), shown, refused))
        yield made[0]
