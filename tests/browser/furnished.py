"""Services to look at: one with a calm week in its database, one with nothing yet, one closed; and their pages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.accounts.encryption import new_key
from app.clock import utc_now
from app.console.person_links import PersonLinks
from tests.browser.led_to import Led, led_to
from tests.console.places import looks_of, parameters_of, path_of, query_of, served
from tests.support import service as usual
from tests.support.console_data import RULES, SECRETS, fill
from tests.support.console_service import ConsoleService, console_service
from tests.support.service import running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
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
           (SELECT max(event_id) FROM decisions WHERE email = '{ADA}' AND verdict = 'none') AS unmatched,
           (SELECT id FROM enrollments WHERE email = '{ADA}' AND rule = 'demo-request') AS enrollment_id,
           (SELECT max(id) FROM enrollments WHERE state = 'parked') AS parked_id,
           (SELECT max(id) FROM doctor_runs WHERE account = 'main') AS run_id
"""  # noqa: S608  # a made-up address
OF_WHAT_IS_PARKED = ("/release", "/cancel")
# Beside the week, for pages of their own: a job that is paused, and an erasure that goes on.
GOING_ON = (
    """INSERT INTO bulk_jobs (id, kind, state, asked_by, role, origin, filter, total, done, outcomes,
                              created_at, due_at)
       VALUES ('job_' || lpad('', 32, '0'), 'release_parked', 'paused', 'olga', 'operator', '192.0.2.14',
               '{"reason": "no_sender", "states": ["parked"]}', 9, 4, '{"released": 4}',
               now() - interval '8 days', now())""",
    """INSERT INTO forgettings (id, requested_by, requested_at, counts)
       VALUES ('fgt_not_done', 'marta', now(), '{"events": 4}')""",
)
JOBS = "SELECT state, id FROM bulk_jobs"


A4 = 680  # CSS pixels of a sheet of A4 between its margins
# What people print.
PRINTED = {
    "/admin/people/{person}",
    "/admin/events/{event_id}",
    "/admin/enrollments/{enrollment_id}",
    "/admin/erasure/receipts/{forgetting_id}",
    "/admin/jobs/{job_id}",
    "/admin/overview",
    "/admin/audit",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to look at: the name of its route, and where it is."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Furnished:
    """A service that only receives, so that what is stored stays as it is, and the pages that it shows.

    `led` are those that no plain link leads to; with nothing stored there are none.
    """

    service: ConsoleService
    pages: tuple[Shown, ...]
    led: tuple[Led, ...]


@asynccontextmanager
async def furnished(database_url: str, sandbox_url: str, folder: Path, *, filled: bool) -> AsyncIterator[Furnished]:
    """Run a service over a week's data, or over nothing."""
    if filled:
        await fill(database_url, utc_now())
    rules = folder / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules, secrets=SECRETS, load=True, **SETTINGS) as web:
        at = await _parameters(web, filled=filled)
        pages = _pages(web, at, filled=filled)
    async with console_service(
        database_url, sandbox_url, RULES, SECRETS, arguments=("--no-worker",), settings=SETTINGS
    ) as service:
        yield Furnished(service, pages, led_to(at) if filled else ())


@asynccontextmanager
async def closed_service(database_url: str, sandbox_url: str) -> AsyncIterator[ConsoleService]:
    """Run a service that has neither tokens nor an identity provider."""
    async with console_service(
        database_url, sandbox_url, usual.RULES, usual.SECRETS, arguments=("--no-worker",), settings={"tokens": ""}
    ) as service:
        yield service


async def _parameters(web: Running, *, filled: bool) -> dict[str, str]:
    """Return what the pages of one thing are about, and with a week the ids of jobs by their state."""
    tokens = await PersonLinks(web.process.engine).tokens()
    parameters = {**await parameters_of(web), **SHOWN, "person": tokens.token_of(ADA)}
    if filled:
        for statement in GOING_ON:
            await web.execute(statement)
        parameters |= (await web.rows(IDS))[0]
        parameters |= {row["state"]: row["id"] for row in await web.rows(JOBS)}
    return parameters


def _pages(web: Running, parameters: Mapping[str, str], *, filled: bool) -> tuple[Shown, ...]:
    """Return every page that a GET shows."""
    found = []
    for route in served(web):
        if route.method == "GET" and not route.as_json:
            of_parked = filled and route.path.endswith(OF_WHAT_IS_PARKED)
            given = {**parameters, **({"enrollment_id": parameters["parked_id"]} if of_parked else {})}
            path = f"/admin{path_of(route, given)}"
            for query in looks_of(route):
                name = "-".join((route.path, *query.values())) if query != query_of(route) else route.path
                found.append(Shown(name, path + (f"?{urlencode(query)}" if query else "")))
    return tuple(found)
