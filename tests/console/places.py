"""What the walking tests need of each route: a value for each parameter of its path, and the query that it wants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.audit.act import Act, acting
from app.bulk.ask_store import BulkAskStore
from app.bulk.filters import Filter
from app.console.context import Console
from app.console.person_links import PersonLinks
from app.console.routes import Served, read_pages, table
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.wiring import terms
from app.doctor.run_store import DoctorRunStore
from app.ids import Ids
from app.operators import Role, read_tokens
from app.people.forget import BY_API
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore
from tests.support.service import TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.service import Running

# The query that a route needs so that it shows something, by its path without the root; most need none.
QUERIES: dict[str, dict[str, str]] = {
    "/parked/release": {"reason": "no_sender"},
    "/parked/cancel": {"rule": "signup"},
    "/enrollments/cancel": {"rule": "signup"},
}
# Other looks at a route, which then shows something else.
LOOKS: dict[str, tuple[dict[str, str], ...]] = {
    "/parked": ({"reason": "no_sender"}, {"sender": "ben"}, {"by": "day"}),
    "/enrollments": ({"rule": "signup"},),
    "/overview": ({"period": "7d"}, {"period": "30d"}),
    "/rules": ({"period": "30d"},),
}
# Lists that go on over pages: from before the oldest row, and from after the newest, all of it is seen.
_IDS, _NUMBERS, _NO_SESSION = ({"after": "0"}, {"before": "z"}), ({"after": "0"}, {"before": "9" * 18}), "0" * 64
LISTS: dict[str, tuple[dict[str, str], ...]] = {
    "/audit": _IDS,
    "/enrollments": _IDS,
    "/enrollments/{enrollment_id}": _NUMBERS,
    "/erasure": _IDS,
    "/events": ({"after": "evt_0"}, {"before": "evt_z"}, {"after": "dec_0", "became": "enroll"}),
    "/jobs": _IDS,
    "/me": ({"after": f"0-{_NO_SESSION}"}, {"before": f"{'9' * 16}-{_NO_SESSION}"}),
    "/parked": ({"reason": "no_sender", "after": "0"}, {"reason": "no_sender", "before": "z"}),
    "/people/{person}": _IDS,
    "/rules/revisions": _NUMBERS,
    "/suppressions": _NUMBERS,
}
# Routes that a person sees as a form's answer: what the form holds.
FORMS: dict[str, dict[str, str]] = {
    "/find": {"q": "mallory@corp.example"},
    "/erasure/look": {"address": "mallory@corp.example"},
    "/suppressions/add/look": {"value": "mallory@corp.example"},
    "/suppressions/look": {"address": "mallory@corp.example"},
    "/sources/crm/sample/look": {"email": "mallory@corp.example"},
    "/rules/try": {"event": '{"source": "crm", "type": "signup", "email": "ada0@corp.example"}'},
}


def served(web: Running) -> tuple[Served, ...]:
    """Return all routes of the console that need a session."""
    process = web.process
    sessions = Sessions(SignInStore(process.engine), lambda: read_tokens(TOKENS), terms(process.settings))
    return table(read_pages(Console(process, process.engine, sessions, PersonLinks(process.engine))))


def path_of(route: Served, parameters: Mapping[str, str]) -> str:
    """Return the path of a route without the root, its parameters filled; one that is not there names nothing."""
    path = route.path.removeprefix("/admin").removesuffix(".json")
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: parameters.get(found.group(1), "nothing"), path)


def query_of(route: Served) -> dict[str, str]:
    """Return the query of a route."""
    return QUERIES.get(route.path.removeprefix("/admin").removesuffix(".json"), {})


def looks_of(route: Served) -> tuple[dict[str, str], ...]:
    """Return the queries of all looks at a route, the usual one first."""
    return (query_of(route), *LOOKS.get(route.path.removeprefix("/admin"), ()))


async def parameters_of(web: Running) -> dict[str, str]:
    """Return a value for each name of a path's parameter, from what the service has stored."""
    rows = await web.rows("""
        SELECT (SELECT max(id) FROM events) AS event_id, (SELECT max(id) FROM enrollments) AS enrollment_id,
               (SELECT max(id) FROM refused_deliveries) AS delivery_id,
               (SELECT CAST(max(number) AS text) FROM suppressions) AS number,
               (SELECT max(id) FROM forgettings) AS forgetting_id, (SELECT max(id) FROM bulk_jobs) AS job_id,
               (SELECT encode(max(sha256), 'hex') FROM console_sessions) AS session,
               (SELECT max(id) FROM doctor_runs) AS run_id
    """)
    return {name: value for name, value in rows[0].items() if value} | {
        "person": (await PersonLinks(web.process.engine).tokens()).token_of("ada0@corp.example"),
        "source": "crm",
        "sender": "anna",
        "account": "main",
        "rule": "signup",
        "endpoint": "crm-back",
        "revision": web.process.current_rulebook().revision,
    }


async def fill(web: Running) -> None:
    """Let the service have some of everything: events, enrollments in some states, rejected deliveries."""
    for number in range(3):
        data = {"email": f"ada{number}@corp.example", "employees": 80, "first_name": "Ada"}
        await web.deliver("crm", {"type": "signup", "data": data})
    await web.deliver("crm", {"type": "signup", "data": {"email": "bob@corp.example", "employees": 8}})
    await web.deliver("open", {"id": "1", "type": "ping", "email": "eve@corp.example", "at": "2026-11-23T09:00:00Z"})
    await web.client.post("/webhooks/crm", content=b'{"type": "signup", "email": "eve@corp.example"}')
    await web.rows_once_there("SELECT id FROM refused_deliveries")
    await web.execute("UPDATE enrollments SET state = 'parked', reason = 'no_sender' WHERE email = 'ada0@corp.example'")
    enrolled = "UPDATE enrollments SET state = 'enrolled', enrolled_at = now(), sender = 'anna' WHERE email = :email"
    await web.execute(enrolled, email="ada1@corp.example")
    await _asked_for(web)


async def _asked_for(web: Running) -> None:
    """Let an admin have asked for some of everything: by the stores, as making all routes of the API takes longer."""
    engine, ids, why = web.process.engine, Ids(), "asked by mallory@corp.example"
    act = Act("ada", Role.ADMIN, "127.0.0.1", "POST /api/v1/...")
    with acting(act):
        await SuppressionStore(engine).add(read("mallory@corp.example"), why)
        await (await web.process.forgetter()).begin("kay@corp.example", by=BY_API)
        await DoctorRunStore(engine).ask(ids("doc"), "main")
    parked = Filter(reason="no_sender")
    await BulkAskStore(engine, ids).ask("release_parked", parked, expected_count=1, reason=why, act=act)


async def after_retention(web: Running) -> None:
    """Take away what the retention takes: payloads and deliveries."""
    await web.execute("UPDATE events SET data = NULL, answers = NULL")
    await web.execute("DELETE FROM deliveries")
    await web.execute("DELETE FROM refused_deliveries")
    await web.execute("DELETE FROM event_keys")
