"""Nothing is done that is not written down: where the audit log takes no row, no route of the console does anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.clock import utc_now
from app.console.person_links import PersonLinks
from app.console.signin.links import make_link
from app.console.signin.store import SignInStore
from app.operators import Role
from tests.console.places import FORMS, fill, parameters_of, path_of, query_of, served
from tests.console.test_every_route import UNCHANGED_TABLES, contents
from tests.support.audit import NOT_WRITTEN, broken_log
from tests.support.console import form_of
from tests.support.service import VIEWER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from app.console.routes import Served
    from tests.support.console import Browser
    from tests.support.service import Running

KEPT = (
    *UNCHANGED_TABLES,
    "console_links",
    "console_sessions",
    "doctor_runs",
    "forgotten",
    "oauth_installs",
    "outbound_endpoints",
    "rejected_rules",
)
# What a change needs so that there is something to do, beside what all pages have.
READY = """
    DELETE FROM bulk_jobs;
    INSERT INTO bulk_jobs (id, kind, state, asked_by, origin, filter, total, created_at, due_at)
    SELECT 'job_' || state, 'cancel', state, 'ada', '127.0.0.1', '{"rule": "x"}', 3, now(), now()
    FROM unnest(ARRAY['paused', 'waiting']) AS state;
    INSERT INTO outbound_endpoints (endpoint, fingerprint, failures, openings, disabled_at)
    SELECT 'crm-back', 'any', 0, 0, now();
    INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
    VALUES ('out_1', 'crm-back', 'enrolled', 'x', 'failed', now(), now(), now());
    UPDATE enrollments SET state = 'held', reason = 'window' WHERE email = 'ada2@corp.example';
"""
MORE = {
    "/senders/{sender}/resume": """
        INSERT INTO sender_pauses (account, inbox, reason, sender, user_id, paused_at)
        VALUES ('main', 'anna@acme.example', 'x', 'anna', '7001', now())
    """
}
LESS = {"/senders/{sender}/resume": "DELETE FROM sender_pauses"}
FIELDS = {"/me/zone": {"zone": "Europe/Berlin"}, "/suppressions/add": {"value": "eve@corp.example"}}
# OAuth is not configured here: tests/accounts has it.
NOT_POSSIBLE = {"/accounts/{account}/connect"}


# What is about one thing, which its page names: there is nothing to count.
ALONE = {
    "/accounts/{account}/doctor": "one run, which changes nothing",
    "/endpoints/{endpoint}/test": "one made-up event",
    "/enrollments/{enrollment_id}/cancel": "one enrollment",
    "/enrollments/{enrollment_id}/release": "one enrollment",
    "/erasure/{person}/inventory": "one look, which changes nothing",
    "/me/sessions/{session}/end": "one session",
    "/me/zone": "the time zone of one session",
    "/sources/{source}/sample": "one made-up event",
}
# Changes of which there is a count, and no row to show.
NO_SAMPLE = {
    "/events/{event_id}/decide": "each decision is a sentence of its own",
    "/erasure/{person}/lift": "what is kept under a hash cannot be shown",
    "/jobs/{job_id}/cancel": "workers go on with its rows meanwhile, and the page of the job names its filter",
    "/jobs/{job_id}/pause": "as above",
    "/jobs/{job_id}/resume": "as above",
}
# Questions that only a form can ask: the page that answers it.
FOLLOWS = {"/suppressions/add": "/suppressions/add/look"}


def plain(route: Served) -> str:
    """Return the path of a route as it is written, without the root."""
    return route.path.removeprefix("/admin")


def recorded(web: Running) -> list[Served]:
    """Return the routes of which the audit log has a row."""
    return [route for route in served(web) if route.changes and plain(route) not in NOT_POSSIBLE and not route.as_json]


async def named(web: Running, route: Served) -> str:
    """Return the path of a route about what it can be done with."""
    parameters = dict(await parameters_of(web))
    links = await PersonLinks(web.process.engine).tokens()
    match plain(route):
        case "/jobs/{job_id}/resume":
            parameters["job_id"] = "job_paused"
        case "/people/{person}/cancel":
            parameters["person"] = links.token_of("ada2@corp.example")
        case "/erasure/{person}/lift":
            parameters["person"] = links.token_of("kay@corp.example")
        case "/enrollments/{enrollment_id}/release" | "/enrollments/{enrollment_id}/cancel":
            (row,) = await web.rows("SELECT id FROM enrollments WHERE state = 'parked' ORDER BY id DESC LIMIT 1")
            parameters["enrollment_id"] = row["id"]
        case "/me/sessions/{session}/end":
            (row,) = await web.rows("SELECT encode(sha256, 'hex') AS id FROM console_sessions WHERE name = 'vera'")
            parameters["session"] = row["id"]
    return path_of(route, parameters)


async def form(browser: Browser, route: Served, path: str) -> dict[str, str]:
    """Return what a person sends who confirms."""
    if route.change is None:
        return FORMS.get(path, {})
    return {**form_of(await question(browser, route, path), f"/admin{path}"), **FIELDS.get(plain(route), {})}


async def question(browser: Browser, route: Served, path: str) -> str:
    """Return the page on which a change is confirmed."""
    if plain(route) in FOLLOWS:
        answer = await browser.post(FOLLOWS[plain(route)], FIELDS[plain(route)])
    else:
        answer = await browser.get(path, **query_of(route))
    assert answer.status_code == 200, (route.name, answer.text)
    return answer.text


@pytest.fixture
async def ready(web: Running, viewer: Browser) -> Running:  # noqa: ARG001  # whose session an admin ends
    """A service that has something to do for each change."""
    await fill(web)
    await (await web.process.forgetter()).work()
    for statement in READY.split(";"):
        if statement.strip():
            await web.execute(re.sub(r"(?<=\"):", r"\:", statement))
    crm = web.process.rulebook.endpoints()["crm-back"]
    await web.execute("UPDATE outbound_endpoints SET fingerprint = :fingerprint", fingerprint=crm.fingerprint)
    return web


async def test_each_change_is_asked_with_its_count(ready: Running, admin: Browser) -> None:
    wrong: list[str] = []
    for route in recorded(ready):
        if route.change is not None and route.method == "POST":
            await ready.execute(MORE.get(plain(route), "SELECT 1"))
            asked = await question(admin, route, await named(ready, route))
            count = re.search(r'name="shown" value="(\d+)"', asked)
            alone, sample = plain(route) in ALONE, 'class="sample"' in asked
            wrong += [f"{route.name}: a count"] if (count is None) is not alone else []
            has_rows = count is not None and int(count[1]) > 0 and plain(route) not in NO_SAMPLE
            wrong += [f"{route.name}: a sample"] if sample is not has_rows else []
            await ready.execute(LESS.get(plain(route), "SELECT 1"))
    assert wrong == []
    assert ALONE.keys() | NO_SAMPLE.keys() <= {plain(route) for route in recorded(ready)}


async def test_nothing_is_done_that_the_audit_log_does_not_take(ready: Running, admin: Browser) -> None:
    wrong: list[object] = []
    for route in recorded(ready):
        await ready.execute(MORE.get(plain(route), "SELECT 1"))
        path = await named(ready, route)
        fields = await form(admin, route, path) if route.method == "POST" else {}
        before = await contents(ready, KEPT)
        async with broken_log(ready):
            answer = await sent(admin, route, path, fields)
        if answer.status_code != 503 or NOT_WRITTEN not in answer.text:
            wrong.append((route.name, answer.status_code))
        changed = {name for name, kept in (await contents(ready, KEPT)).items() if kept != before[name]}
        wrong += [(route.name, changed)] if changed else []
        await ready.execute(LESS.get(plain(route), "SELECT 1"))
    assert wrong == []


async def sent(browser: Browser, route: Served, path: str, fields: Mapping[str, str]) -> httpx.Response:
    """Ask a route as a person does."""
    if route.method == "POST":
        return await browser.post(path, fields, **query_of(route))
    return await browser.get(path, **query_of(route))


async def test_no_person_is_signed_in_or_out_without_a_row(web: Running, operator: Browser) -> None:
    link = await make_link(SignInStore(web.process.engine), "", role=Role.VIEWER, name="marta", now=utc_now())
    before = await contents(web, KEPT)
    async with broken_log(web):
        for path, fields in (
            ("/sign-in", {"token": VIEWER_TOKEN}),
            ("/link", {"link": link.partition("link=")[2]}),
            ("/sign-out", {}),
        ):
            answer = await operator.post(path, fields)
            assert (answer.status_code, NOT_WRITTEN in answer.text) == (503, True), (path, answer.text)
    assert await contents(web, KEPT) == before
    assert (await operator.post("/link", {"link": link.partition("link=")[2]})).status_code == 303
    ended, begun = await web.rows("SELECT who, target, before FROM audit WHERE who = 'link:marta' ORDER BY at")
    assert ended == {"who": "link:marta", "target": "olga", "before": {"session": "token"}}
    assert begun == {"who": "link:marta", "target": "link", "before": None}


async def test_a_sample_is_asked_for_before_it_is_sent(web: Running, operator: Browser) -> None:
    """The delivery is committed by another transaction: where the process ends in between, the log knows its id."""
    assert (await operator.confirm("/sources/webinar/sample")).status_code == 303
    asked, answered = await web.rows("SELECT at, after FROM audit WHERE who = 'olga' ORDER BY at")
    (delivery,) = await web.rows("SELECT id FROM deliveries")
    (decision,) = await web.rows("SELECT decided_at FROM decisions")
    assert asked["after"]["delivery"] == answered["after"]["delivery"] == delivery["id"]
    assert asked["at"] < decision["decided_at"] < answered["at"]
