"""The whole service as real processes over a database and a sandbox, for people with browsers."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from sqlalchemy import text

from app.clock import utc_now
from app.console.signin.origins import COOKIE, cookie_name
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Person, Way
from app.console.signin.wiring import terms
from app.database.engine import open_engine
from app.operators import Role, digest_of, read_tokens
from app.settings import load_settings
from app.sources import PROVIDERS
from app.tls import tls_context
from tests.support.console import SIGNED_IN
from tests.support.processes import WATCHDOG_SECONDS, Process, free_port
from tests.support.rulebooks import loaded
from tests.support.service import TOKENS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

LISTENING = r'"ports":\[(\d+)'


@dataclass(frozen=True, slots=True)
class ConsoleService:
    """A service that runs: its address, its database, the sandbox behind it, and the operator's rules file."""

    url: str
    database_url: str
    sandbox_url: str
    rules: Path
    secrets: Mapping[str, str]
    engine: AsyncEngine

    async def cookie(self, role: Role) -> dict[str, str]:
        """Begin a session for the person of this role; return its cookie as a browser keeps it."""
        name, token = SIGNED_IN[role]
        sessions = Sessions(SignInStore(self.engine), lambda: read_tokens(TOKENS), terms(load_settings({})))
        secret = await sessions.begin(Person(name, name, role, Way.TOKEN, digest_of(token)), utc_now())
        return {"name": cookie_name(COOKIE, secure=False), "value": secret, "url": self.url}

    async def deliver(self, source: str, body: Any, *, secrets: Mapping[str, str] | None = None) -> int:
        """Send `body` to `source`, signed as its provider would with these secrets; return the status."""
        raw = orjson.dumps(body)
        config = loaded(self.rules.read_text(), **(secrets or self.secrets)).sources[source]
        url = f"{self.url}/webhooks/{source}"
        headers = PROVIDERS[config.provider].sign(raw, config, utc_now(), method="POST", url=url)
        async with httpx.AsyncClient(trust_env=False, verify=tls_context()) as client:
            return (await client.post(url, content=raw, headers=headers)).status_code

    async def sign_up(self, *emails: str) -> None:
        """Let these people ask for a demo, as the rules of `tests.support.service` have it."""
        for email in emails:
            data = {"email": email, "employees": 80, "first_name": "Ada"}
            assert await self.deliver("crm", {"type": "signup", "data": data}) == 200  # accepted

    async def sandbox(self, path: str, body: Any = None) -> Any:
        """Ask the sandbox, or change it."""
        async with httpx.AsyncClient(base_url=self.sandbox_url, trust_env=False, verify=tls_context()) as client:
            url = f"/_sandbox/{path}"
            reply = await (client.get(url) if body is None else client.post(url, json=body))
            reply.raise_for_status()
            return reply.json()

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """Ask the database."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def rows_until(self, statement: str, **values: Any) -> list[Any]:
        """Return what a statement finds as soon as it finds something."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while not (found := await self.rows(statement, **values)):  # noqa: ASYNC110  # only asking tells
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def console_service(
    database_url: str,
    sandbox_url: str,
    rules: str,
    secrets: Mapping[str, str],
    *,
    arguments: tuple[str, ...] = (),
    own_url: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[ConsoleService]:
    """Run `segue serve` with these rules; `secrets` are the variables that they name.

    With `own_url` it is set to the URL by which browsers call it.
    """
    engine = open_engine(database_url, pool_size=2)
    with tempfile.TemporaryDirectory(prefix="segue-console-") as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(rules, encoding="utf-8")
        port = str(free_port()) if own_url else "0"
        environment = {
            "SEGUE_PORT": port,
            "SEGUE_CONFIG": str(file),
            "SEGUE_DATABASE_URL": database_url,
            "SEGUE_HUBSPOT_BASE_URL": sandbox_url,
            "SEGUE_HUBSPOT_TOKEN": "pat-sandbox",
            "SEGUE_TOKENS": TOKENS,
            "SEGUE_LOG_FORMAT": "json",
        }
        if own_url:
            environment["SEGUE_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        environment |= {f"SEGUE_{name.upper()}": value for name, value in settings.items()}
        process = Process(["-m", "app", "serve", *arguments], {**environment, **secrets}, LISTENING)
        try:
            port = (await process.wait_until_up()).group(1)
            yield ConsoleService(f"http://127.0.0.1:{port}", database_url, sandbox_url, file, secrets, engine)
        finally:
            await engine.dispose()
            process.end()
