"""Two services to look at: one with a calm week in its database, one with nothing yet; and the pages of each."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.accounts.encryption import new_key
from app.clock import utc_now
from tests.console.places import parameters_of, path_of, query_of, served
from tests.support.console_data import RULES, SECRETS, fill
from tests.support.console_service import ConsoleService, console_service
from tests.support.service import running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.service import Running

# What the two services are set to, beside what each test's service is: one account joins by OAuth.
SETTINGS = {
    "public_url": "https://segue.acme.example",
    "hubspot_client_id": "sandbox-client",
    "hubspot_client_secret": "sandbox-client-secret",
    "encryption_keys": new_key(),
}
# Which of the things of the week the pages of one thing show.
SHOWN = {
    "source": "webinar",
    "sender": "ben",
    "account": "main",
    "rule": "demo-request",
    "endpoint": "lake",
}
ADA = "SELECT id FROM {} WHERE email LIKE 'ada.okafor@%' AND {} ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to look at: the name of its route, and where it is."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Furnished:
    """A service that only receives, so that what is stored stays as it is, and the pages that it shows."""

    service: ConsoleService
    pages: tuple[Shown, ...]


@asynccontextmanager
async def furnished(database_url: str, sandbox_url: str, folder: Path, *, filled: bool) -> AsyncIterator[Furnished]:
    """Run a service over a week's data, or over nothing."""
    if filled:
        await fill(database_url, utc_now())
    rules = folder / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules, secrets=SECRETS, load=True, **SETTINGS) as web:
        pages = await _pages(web, filled=filled)
    async with console_service(
        database_url, sandbox_url, RULES, SECRETS, arguments=("--no-worker",), **SETTINGS
    ) as service:
        yield Furnished(service, pages)


async def _pages(web: Running, *, filled: bool) -> tuple[Shown, ...]:
    """Return every page that a GET shows."""
    parameters = {**await parameters_of(web), **SHOWN}
    if filled:
        parameters["event_id"] = (await web.rows(ADA.format("events", "type = 'form_response'")))[0]["id"]
        parameters["enrollment_id"] = (await web.rows(ADA.format("enrollments", "rule = 'demo-request'")))[0]["id"]
    found = []
    for route in served(web):
        if route.method == "GET" and not route.as_json:
            query = urlencode(query_of(route))
            found.append(Shown(route.path, f"/admin{path_of(route, parameters)}" + (f"?{query}" if query else "")))
    return tuple(found)
