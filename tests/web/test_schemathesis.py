"""The OpenAPI document against the application that publishes it: what is promised is what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.catalogue.test_catalogue import served
from tests.doctor.conftest import practice
from tests.support.service import ADMIN_TOKEN, BASE

if TYPE_CHECKING:
    from schemathesis import BaseSchema, Case

    from tests.support.service import Running

__all__ = ["practice", "served"]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LISTS = [
    "/api/v1/events",
    "/api/v1/decisions",
    "/api/v1/enrollments",
    "/api/v1/journal",
    "/api/v1/senders",
    "/api/v1/suppressions",
    "/api/v1/accounts",
    "/api/v1/outbound",
    "/api/v1/endpoints",
    "/api/v1/sources/unknown-paths",
    "/api/v1/audit",
    "/api/v1/people/forgettings",
    "/api/v1/rules",
    "/api/v1/rulebooks",
    "/api/v1/jobs",
    "/api/v1/parked",
    "/api/v1/sources",
    "/api/v1/about",
]
LISTINGS = [
    "/api/v1/sequences",
    "/api/v1/owners",
    "/api/v1/sequences/{sequence_id}",
]
LIVE = "/api/v1/contacts/enrollment"
DETAILS = [
    "/api/v1/events/{event_id}",
    "/api/v1/decisions/{decision_id}",
    "/api/v1/enrollments/{enrollment_id}",
    "/api/v1/people/forgettings/{forgetting_id}",
    "/api/v1/rulebooks/{revision}",
    "/api/v1/jobs/{job_id}",
]
OUTBOUND = [("GET", "/api/v1/outbound/{outbound_id}"), ("POST", "/api/v1/outbound/{outbound_id}/replay")]
SOURCES = [
    ("GET", "/api/v1/sources/{name}"),
    ("GET", "/api/v1/sources/{name}/rejected"),
    ("POST", "/api/v1/sources/{name}/rejected/{delivery_id}/check"),
    ("POST", "/api/v1/sources/{name}/sample"),
]
OF_RULES = [
    ("GET", "/api/v1/senders/{sender_id}", {"sender_id": "anna"}),
    ("GET", "/api/v1/accounts/{account}", {"account": "main"}),
    ("GET", "/api/v1/accounts/{account}/doctor", {"account": "main"}),
    ("POST", "/api/v1/accounts/{account}/doctor", {"account": "main"}),
]
ENDPOINTS = ["/api/v1/endpoints/{name}/enable", "/api/v1/endpoints/{name}/test"]
WHOLE = [
    "/api/v1/enrollments/cancel",
    "/api/v1/enrollments/release",
    "/api/v1/suppressions",
    "/api/v1/suppressions/remove",
    "/api/v1/events/search",
    "/api/v1/decisions/search",
    "/api/v1/enrollments/search",
    "/api/v1/outbound/replay",
    "/api/v1/events/decide",
    "/api/v1/people/forget",
    "/api/v1/people/lift",
    "/api/v1/people/export",
    "/api/v1/rules/try",
    "/api/v1/jobs",
    "/api/v1/jobs/preview",
    "/api/v1/outbound/replay/count",
    "/api/v1/suppressions/check",
    "/api/v1/suppressions/import",
]
JOBS = ["/api/v1/jobs/{job_id}/pause", "/api/v1/jobs/{job_id}/resume", "/api/v1/jobs/{job_id}/cancel"]
ACTS = [
    "/api/v1/enrollments/{enrollment_id}/release",
    "/api/v1/enrollments/{enrollment_id}/cancel",
    "/api/v1/senders/{sender_id}/pause",
    "/api/v1/senders/{sender_id}/resume",
    "/api/v1/accounts/{account}/install",
    "/api/v1/events/{event_id}/decide",
]
PLAIN = ["/healthz", "/readyz", "/metrics"]
few = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
tokens = st.sampled_from([f"Bearer {ADMIN_TOKEN}"] * 5 + ["Bearer wrong"])


@pytest.fixture
def schema(web: Running) -> BaseSchema:
    found: BaseSchema = schemathesis.openapi.from_dict(web.public.openapi())
    return found


async def conforms(web: Running, case: Case[Any], token: str) -> None:
    """Send one case to the application and hold its answer against the document."""
    asked: dict[str, Any] = case.as_transport_kwargs(base_url=BASE, headers={"Authorization": token})
    content = asked.pop("data", None)
    asked.pop("cookies", None)
    answer = await web.client.request(**asked, content=content)
    case.validate_response(answer, checks=CHECKS)


def test_every_operation_of_the_document_is_tried_here(schema: BaseSchema) -> None:
    found = list(schema.get_all_operations())

    operations = {(each.ok().method, each.ok().path) for each in found if isinstance(each, Ok)}
    tried = {("get", path) for path in [*LISTS, *LISTINGS, *DETAILS, *PLAIN]}
    acts = {("post", path) for path in ["/-/reload", "/webhooks/{source}", LIVE, *ACTS, *ENDPOINTS, *WHOLE, *JOBS]}
    known = [(method, path) for method, path, _ in OF_RULES]
    outbound = {(method.lower(), path) for method, path in [*OUTBOUND, *SOURCES, *known]}
    assert operations == tried | acts | outbound
    assert len(operations) == len(found)


@pytest.mark.parametrize("path", LISTS)
@few
@given(data=st.data(), mode=modes, token=tokens)
async def test_lists_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, mode: GenerationMode, token: str
) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}})
    await conforms(web, data.draw(schema[path]["GET"].as_strategy(mode)), token)


@pytest.mark.parametrize("path", LISTINGS)
@few
@given(data=st.data(), mode=modes, token=tokens)
async def test_what_hubspot_lists_is_answered_as_documented(
    served: Running, path: str, data: st.DataObject, mode: GenerationMode, token: str
) -> None:
    schema = schemathesis.openapi.from_dict(served.public.openapi())
    await conforms(served, data.draw(schema[path]["GET"].as_strategy(mode)), token)


@pytest.mark.parametrize("path", DETAILS)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_details_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, *, real: bool, token: str
) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}})
    await (await web.process.forgetter()).begin("bob@corp.example", by="cli")
    await ask_for_a_job(web)
    case = data.draw(schema[path]["GET"].as_strategy())
    if real:
        (newest,) = (await web.get(path.rpartition("/")[0], limit=1)).json()["items"]
        case.path_parameters = {name: newest.get(name, newest.get("id")) for name in case.path_parameters}
    await conforms(web, case, token)


@pytest.mark.parametrize("path", ACTS)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_acts_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, *, real: bool, token: str
) -> None:
    number = data.draw(st.integers())
    await web.deliver("crm", {"type": "signup", "data": {"email": f"p{number}@corp.example", "employees": 80}})
    case = data.draw(schema[path]["POST"].as_strategy())
    if real:
        (newest,) = (await web.get("/api/v1/enrollments", limit=1)).json()["items"]
        case.path_parameters = dict.fromkeys(case.path_parameters, newest["id"])
    await conforms(web, case, token)


async def ask_for_a_job(web: Running) -> str:
    """Ask for a job on what was delivered before; return its id, or that of the one that does it already."""
    answer = await web.post("/api/v1/jobs", kind="cancel", filter={"rule": "signup"}, expected_count=10_001)
    return str(answer.json().get("id") or answer.json()["job"])


@pytest.mark.parametrize("path", JOBS)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_acts_on_jobs_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, *, real: bool, token: str
) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}})
    job = await ask_for_a_job(web)
    case = data.draw(schema[path]["POST"].as_strategy())
    if real:
        case.path_parameters = {"job_id": job}
    await conforms(web, case, token)


@pytest.mark.parametrize("path", ENDPOINTS)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_acts_on_endpoints_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, *, real: bool, token: str
) -> None:
    case = data.draw(schema[path]["POST"].as_strategy())
    if real:
        case.path_parameters = {"name": "crm-back"}
    await conforms(web, case, token)


@pytest.mark.parametrize(("method", "path"), SOURCES)
@few
@given(data=st.data(), name=st.sampled_from(["crm", "webinar", None]), token=tokens)
async def test_what_is_asked_of_a_source_is_answered_as_documented(
    web: Running, schema: BaseSchema, method: str, path: str, data: st.DataObject, name: str | None, token: str
) -> None:
    await web.client.post("/webhooks/crm", content=b"{}", headers={**web.signed("crm", b"{}"), "webhook-id": "other"})
    (kept, *_) = await web.rows_once_there("SELECT id FROM refused_deliveries")
    case = data.draw(schema[path][method].as_strategy())
    if name is not None:
        case.path_parameters = {"name": name, "delivery_id": kept["id"]}
    await conforms(web, case, token)


@pytest.mark.parametrize(("method", "path", "known"), OF_RULES)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_what_is_asked_of_senders_and_accounts_is_answered_as_documented(
    web: Running,
    schema: BaseSchema,
    method: str,
    path: str,
    known: dict[str, str],
    data: st.DataObject,
    *,
    real: bool,
    token: str,
) -> None:
    case = data.draw(schema[path][method].as_strategy())
    if real:
        case.path_parameters = known
    await conforms(web, case, token)


@pytest.mark.parametrize(("method", "path"), OUTBOUND)
@few
@given(data=st.data(), real=st.booleans(), token=tokens)
async def test_outbound_events_answer_as_documented(
    web: Running, schema: BaseSchema, method: str, path: str, data: st.DataObject, *, real: bool, token: str
) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    noted = (await web.client.post("/api/v1/endpoints/crm-back/test", headers=headers)).json()
    case = data.draw(schema[path][method].as_strategy())
    if real:
        case.path_parameters = {"outbound_id": noted["id"]}
    await conforms(web, case, token)


@pytest.mark.parametrize("path", WHOLE)
@few
@given(data=st.data(), mode=modes, token=tokens)
async def test_acts_on_many_answer_as_documented(
    web: Running, schema: BaseSchema, path: str, data: st.DataObject, mode: GenerationMode, token: str
) -> None:
    await conforms(web, data.draw(schema[path]["POST"].as_strategy(mode)), token)


@few
@given(data=st.data(), mode=modes, token=tokens)
async def test_what_hubspot_says_of_a_person_is_answered_as_documented(
    served: Running, data: st.DataObject, mode: GenerationMode, token: str
) -> None:
    schema = schemathesis.openapi.from_dict(served.public.openapi())
    await conforms(served, data.draw(schema[LIVE]["POST"].as_strategy(mode)), token)


@pytest.mark.parametrize("path", PLAIN)
async def test_what_orchestrators_ask_answers_as_documented(web: Running, schema: BaseSchema, path: str) -> None:
    await conforms(web, schema[path]["GET"].Case(), f"Bearer {ADMIN_TOKEN}")


@pytest.mark.parametrize("token", [f"Bearer {ADMIN_TOKEN}", "Bearer wrong"])
async def test_the_reload_answers_as_documented(web: Running, schema: BaseSchema, token: str) -> None:
    await conforms(web, schema["/-/reload"]["POST"].Case(), token)


@few
@given(data=st.data(), source=st.sampled_from(["open", "crm", "missing"]), body=st.binary(max_size=5000))
async def test_deliveries_answer_as_documented(
    web: Running, schema: BaseSchema, data: st.DataObject, source: str, body: bytes
) -> None:
    chosen = data.draw(st.sampled_from([body, b'{"type": "ping"}', b'{"type": "unheard"}']))
    case = schema["/webhooks/{source}"]["POST"].Case(
        path_parameters={"source": source}, body=chosen, media_type="application/octet-stream"
    )
    await conforms(web, case, "")
