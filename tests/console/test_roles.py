"""Who may: the role of each route, word for word, and that none answers a lower one or a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.audit.store import AuditStore
from app.console.wiring import open_site
from app.operators import Role
from app.web.access.record import Recorder
from tests.console.places import fill, parameters_of, path_of, query_of, served
from tests.console.test_every_route import assert_headers
from tests.support.console import OWN_FORM, signed_in
from tests.support.service import TOKENS, gate_of

if TYPE_CHECKING:
    import httpx

    from app.console.routes import Served
    from tests.support.service import Running

# By path, whatever the method, and with `.json` too: every other route is a viewer's.
ADMINS = {
    "/admin/accounts/{account}/connect",
    "/admin/accounts/{account}/doctor",
    "/admin/audit",
    "/admin/erasure",
    "/admin/erasure/look",
    "/admin/erasure/receipts/{forgetting_id}",
    "/admin/erasure/{person}",
    "/admin/erasure/{person}/export",
    "/admin/erasure/{person}/forget",
    "/admin/erasure/{person}/inventory",
    "/admin/erasure/{person}/lift",
    "/admin/rules/reload",
}
OPERATORS = {
    "/admin/endpoints/{endpoint}/enable",
    "/admin/endpoints/{endpoint}/replay",
    "/admin/endpoints/{endpoint}/test",
    "/admin/enrollments/cancel",
    "/admin/enrollments/{enrollment_id}/cancel",
    "/admin/enrollments/{enrollment_id}/release",
    "/admin/events/{event_id}/decide",
    "/admin/events/{event_id}/raw",
    "/admin/jobs/{job_id}/cancel",
    "/admin/jobs/{job_id}/pause",
    "/admin/jobs/{job_id}/resume",
    "/admin/parked/cancel",
    "/admin/parked/release",
    "/admin/people/{person}/cancel",
    "/admin/people/{person}/show",
    "/admin/people/{person}/suppress",
    "/admin/senders/{sender}/pause",
    "/admin/senders/{sender}/resume",
    "/admin/sources/{source}/rejected/{delivery_id}",
    "/admin/sources/{source}/rejected/{delivery_id}/show",
    "/admin/sources/{source}/sample",
    "/admin/sources/{source}/sample/look",
    "/admin/suppressions/add",
    "/admin/suppressions/add/look",
    "/admin/suppressions/{number}/remove",
}
# What a viewer may change: things of one's own. An admin ends the sessions of others by the same route: test_me.py.
OF_ONESELF = {"/admin/me/zone", "/admin/me/sessions/{session}/end"}
OPEN = {
    *("GET /admin/sign-in", "POST /admin/sign-in", "POST /admin/sign-out"),
    *("GET /admin/link", "POST /admin/link"),
    *("GET /admin/oidc/begin", "GET /admin/oidc/callback"),
}


def wanted(route: Served) -> Role:
    """Return the role that a route has to have."""
    path = route.path.removesuffix(".json")
    return Role.ADMIN if path in ADMINS else Role.OPERATOR if path in OPERATORS else Role.VIEWER


async def test_each_route_has_its_role(web: Running) -> None:
    routes = served(web)
    assert {route.path for route in routes} >= ADMINS | OPERATORS | OF_ONESELF
    wrong = {route.name: route.role for route in routes if route.role is not wanted(route)}
    assert wrong == {}
    changed = {route.path for route in routes if route.change is not None and route.role is Role.VIEWER}
    assert changed == OF_ONESELF


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_no_route_answers_a_role_that_is_too_low(web: Running, role: Role) -> None:
    await fill(web)
    parameters, browser = await parameters_of(web), await signed_in(web, role)
    async with browser.client:
        for route in served(web):
            if not role.may(wanted(route)):
                assert (await asked(browser.client, route, parameters)).status_code == 403, route.name


async def test_no_route_but_those_of_signing_in_answers_a_stranger(web: Running) -> None:
    site = await open_site(web.process, gate_of((), TOKENS), Recorder(AuditStore(web.process.engine).write))
    assert {route.name for route in site.routes if route.open is not None} == OPEN
    parameters = await parameters_of(web)
    for route in served(web):
        response = await asked(web.client, route, parameters)
        assert response.status_code == (401 if route.as_json else 303), route.name
        assert response.headers.get("location", "/admin/sign-in").startswith("/admin/sign-in"), route.name
        assert_headers(response, route.name)


async def test_what_needs_no_session_has_the_headers_of_all_pages(web: Running) -> None:
    for name in sorted({*OPEN, "GET /admin", "GET /admin/nothing", "POST /admin/overview"}):
        method, path = name.split()
        for headers in (OWN_FORM, {"origin": "https://evil.example"}):
            assert_headers(await web.client.request(method, path, headers=headers), name)


async def asked(client: httpx.AsyncClient, route: Served, parameters: dict[str, str]) -> httpx.Response:
    """Ask for a route as a form or a link of the console would."""
    path = f"/admin{path_of(route, parameters)}" + (".json" if route.as_json else "")
    return await client.request(route.method, path, params=query_of(route), headers=OWN_FORM)
