"""Two services to look at: one with a calm week in its database, one with nothing yet; and the pages of each."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.accounts.encryption import new_key
from app.clock import utc_now
from app.console.person_links import PersonLinks
from tests.console.places import looks_of, parameters_of, path_of, query_of, served
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
ADA = "ada.okafor@brightmill.example"
# The ids of what is shown, and of the enrollment that is there to be released.
IDS = f"""
    SELECT (SELECT id FROM events WHERE email = '{ADA}' AND type = 'form_response') AS event_id,
           (SELECT id FROM enrollments WHERE email = '{ADA}' AND rule = 'demo-request') AS enrollment_id,
           (SELECT max(id) FROM enrollments WHERE state = 'parked') AS parked_id,
           (SELECT max(id) FROM doctor_runs WHERE account = 'main') AS run_id
"""  # noqa: S608  # a made-up address
OF_WHAT_IS_PARKED = ("/release", "/cancel")


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
        database_url, sandbox_url, RULES, SECRETS, arguments=("--no-worker",), settings=SETTINGS
    ) as service:
        yield Furnished(service, pages)


async def _pages(web: Running, *, filled: bool) -> tuple[Shown, ...]:
    """Return every page that a GET shows."""
    tokens = await PersonLinks(web.process.engine).tokens()
    parameters = {**await parameters_of(web), **SHOWN, "person": tokens.token_of(ADA)}
    if filled:
        parameters |= (await web.rows(IDS))[0]
    found = []
    for route in served(web):
        if route.method == "GET" and not route.as_json:
            of_parked = filled and route.path.endswith(OF_WHAT_IS_PARKED)
            given = parameters | ({"enrollment_id": parameters["parked_id"]} if of_parked else {})
            path = f"/admin{path_of(route, given)}"
            for query in looks_of(route):
                name = "-".join((route.path, *query.values())) if query != query_of(route) else route.path
                found.append(Shown(name, path + (f"?{urlencode(query)}" if query else "")))
    return tuple(found)
