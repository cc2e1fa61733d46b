"""A service in this process over a real PostgreSQL, wired by the composition root, and what tests ask of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from sqlalchemy import make_url, text

from app.clock import utc_now
from app.console.on_demand import ConsoleOnDemand
from app.database.engine import open_engine
from app.process import Process, open_process
from app.settings import load_settings
from app.sources import PROVIDERS
from app.web.access.attempts import Attempts, Budget
from app.web.access.gate import REFUSALS_PER_MINUTE, Gate
from app.web.access.routes import guarded_routes
from app.web.access.tokens import Tokens
from app.web.wiring import applications

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from fastapi import APIRouter, FastAPI

BASE = "https://segue.example"
ADMIN_TOKEN = "made-up-0123456789abcdefghijklmnopqrstuv"
OPERATOR_TOKEN = "made-up-operator-0123456789abcdefghijklmno"
VIEWER_TOKEN = "made-up-viewer-0123456789abcdefghijklmnopq"
TOKENS = f"ada admin {ADMIN_TOKEN}, olga operator {OPERATOR_TOKEN}, vera viewer {VIEWER_TOKEN}"
CLOSED_PORT = "http://127.0.0.1:9"  # the port of `discard`, on which no process listens
SECRETS = {
    "CRM_SECRET": "whsec_c2VndWUtbWFkZS11cC1zZWNyZXQ=",
    "ZOOM_SECRET": "made-up-zoom-secret",
    "PORTAL_SECRET": "made-up-portal-secret",
    "HOOK_PATH": "made-up-path",
    "BACK_SECRET": "whsec_YmFjay1tYWRlLXVwLXNlY3JldC1vZi1vdXJz",
}
RULES = """\
version: 1
sources:
  crm: {provider: standard-webhooks, secrets: ["${CRM_SECRET}"]}
  open:
    provider: json
    verify: none
    allow_unverified: true
    fields: {id: $.id, type: $.type, email: $.email, first_name: "header:x-first-name", occurred_at: $.at}
  webinar: {provider: zoom, secrets: ["${ZOOM_SECRET}"]}
  portal: {provider: hubspot, secrets: ["${PORTAL_SECRET}"]}
senders:
  anna: {user_id: "7001", email: anna@acme.example}
endpoints:
  crm-back: {url: "https://crm.acme.example/${HOOK_PATH}", secrets: ["${BACK_SECRET}"], events: [enrolled, parked]}
rules:
  - id: signup
    source: crm
    type: signup
    when: event.data.data.employees >= 50
    enroll: {sequence: "310001", sender: anna}
    dedupe: {intent: demo, for: 30d}
  - id: anything
    source: open
    type: [ping, form]
    enroll: {sequence: "310002", sender: anna}
  - id: registered
    source: webinar
    type: webinar.registration_created
    enroll: {sequence: "310003", sender: anna}
  - id: made
    source: portal
    type: company.creation
    ignore: true
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs, and a client of its public application; operators may have one apart."""

    process: Process
    public: FastAPI
    operators: FastAPI
    client: httpx.AsyncClient

    def signed(self, source: str, body: bytes) -> dict[str, str]:
        """Return the headers with which the provider of `source` would send `body`."""
        book = self.process.rulebook.current
        assert book is not None
        config = book.sources[source]
        url = f"{BASE}/webhooks/{source}"
        return PROVIDERS[config.provider].sign(body, config, utc_now(), method="POST", url=url)

    async def deliver(self, source: str, body: Any, **headers: str) -> httpx.Response:
        """Send `body` to `source`, signed; bytes as they are, anything else as JSON. `headers` come on top."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.client.post(f"/webhooks/{source}", content=raw, headers=self.signed(source, raw) | headers)

    async def get(self, path: str, **parameters: str | int) -> httpx.Response:
        """Ask an operator's route, with the admin token."""
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        return await self.client.get(path, params=parameters, headers=headers)

    async def post(self, path: str, *, token: str = ADMIN_TOKEN, **body: Any) -> httpx.Response:
        """Ask an operator's route by a body, with a token."""
        return await self.client.post(path, json=body, headers={"authorization": f"Bearer {token}"})

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Return what a statement finds in the database."""
        async with self.process.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]

    async def execute(self, statement: str, **values: Any) -> None:
        """Change the database beside the service."""
        async with self.process.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def rows_once_there(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Return what a statement finds as soon as it finds something."""
        async with asyncio.timeout(300):
            while not (found := await self.rows(statement, **values)):
                pass
        return found

    def counted(self, name: str, **labels: str) -> float:
        """Return a metric's value, 0 where it was never counted."""
        return self.process.metrics.registry.get_sample_value(f"segue_{name}", labels) or 0.0


@asynccontextmanager
async def running(
    database_url: str, rules: Path, *, secrets: Mapping[str, str] = SECRETS, load: bool = True, **settings: str
) -> AsyncIterator[Running]:
    """Run a service on `database_url` with the rules file `rules`, as `segue serve` wires it, without its ports."""
    environment = {
        "SEGUE_DATABASE_URL": database_url,
        "SEGUE_CONFIG": str(rules),
        "SEGUE_HUBSPOT_TOKEN": "pat-made-up",
        "SEGUE_HUBSPOT_BASE_URL": CLOSED_PORT,
        "SEGUE_TOKENS": TOKENS,
    }
    environment |= {f"SEGUE_{name.upper()}": value for name, value in settings.items()}
    loaded = load_settings(environment)
    async with open_process(loaded, {**environment, **secrets}, database_url) as process:
        if load:
            await process.rulebook.start()
        apps = await applications(process, ConsoleOnDemand)
        async with client_of(apps[0]) as client:
            yield Running(process, apps[0], apps[-1], client)


def gate_of(resources: Sequence[APIRouter], tokens: str) -> Gate:
    """Return a gate before the routes of `resources`, which lets these tokens in."""
    routes, budget = guarded_routes(resources), Budget(REFUSALS_PER_MINUTE)
    refused: list[str] = []
    read = Tokens(lambda _: tokens)
    return Gate(
        read, lambda: routes, frozenset(), (), Attempts(), budget, refused=refused.append, revision=lambda: None
    )


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """Return a client of an application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)


def write(rules: Path, text: str) -> None:
    """Change the operator's file."""
    rules.write_text(text)


async def close_database(server_url: str, database_url: str) -> None:
    """Take a database away: its connections are cut, and no new one is let in."""
    await _administer(server_url, "ALTER DATABASE {name} ALLOW_CONNECTIONS false", database_url)
    await _administer(
        server_url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'", database_url
    )


async def open_database(server_url: str, database_url: str) -> None:
    """Give the database back."""
    await _administer(server_url, "ALTER DATABASE {name} ALLOW_CONNECTIONS true", database_url)


async def _administer(server_url: str, statement: str, database_url: str) -> None:
    engine = open_engine(server_url, pool_size=1)
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text(statement.format(name=make_url(database_url).database)))
    await engine.dispose()
