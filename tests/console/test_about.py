"""About: the version, the processes of the service, and the settings without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import __version__
from app.console.pages.about import METRICS, links, members, note
from app.console.settings_shown import chosen, settings_shown
from app.observability.shared import PARENT, Shared, Slot
from app.operators import Role
from app.settings import SECRETS, load_settings
from tests.support.console import signed_in
from tests.support.service import SECRETS as OF_RULES
from tests.support.service import TOKENS, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser

SECRET = "made-up-and-never-shown"


def test_settings_are_shown_without_what_is_secret() -> None:
    settings = load_settings(
        {
            "SEGUE_DATABASE_URL": f"postgresql://segue:{SECRET}@db.example/segue",
            "SEGUE_HUBSPOT_TOKEN": SECRET,
            "SEGUE_HUBSPOT_CLIENT_SECRET": SECRET,
            "SEGUE_OIDC_CLIENT_SECRET": SECRET,
            "SEGUE_TOKENS": TOKENS,
            "SEGUE_PUBLIC_URL": f"https://marta:{SECRET}@segue.example",
            "SEGUE_OIDC_ROLES": "admin marta@acme.example",
            "SEGUE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "SEGUE_RETENTION_DAYS": "14",
        }
    )
    shown = {one.variable: one for one in settings_shown(settings)}
    assert SECRET not in str(shown)
    assert all(token not in str(shown) for token in TOKENS.split() if len(token) > 20)
    assert shown["SEGUE_HUBSPOT_TOKEN"].value == "set, and not shown"
    assert shown["SEGUE_ENCRYPTION_KEYS"].value == "not set"
    assert {shown[f"SEGUE_{name}"].value for name in SECRETS} == {"set, and not shown", "not set"}
    assert shown["SEGUE_PUBLIC_URL"].value == "https://segue.example/"
    assert shown["SEGUE_OIDC_ROLES"].value == "admin m***@acme.example"
    assert shown["SEGUE_TRUSTED_PROXIES"].value == "10.0.0.0/8, 192.0.2.1/32"
    assert shown["SEGUE_RETENTION_DAYS"].value == "14"
    assert "SEGUE_RETENTION_DAYS" in {one.variable for one in chosen(shown.values())}
    assert "SEGUE_HISTORY_DAYS" not in {one.variable for one in chosen(shown.values())}


def test_the_processes_of_a_service_are_those_that_its_parent_started() -> None:
    slots = [Slot("parent", PARENT), Slot("web-1", "web"), Slot("worker-1", "worker")]
    slots[1].ready = True
    assert [(one.name, one.ready) for one in members(Shared(slots[1], slots))] == [("web-1", True), ("worker-1", False)]
    assert members(None) == ()


async def test_the_page_says_what_this_is(viewer: Browser) -> None:
    page = await viewer.json("/about")
    assert page["sentence"] == f"Segue {__version__}, in one process, with 5 settings of its own."
    html = (await viewer.get("/about")).text
    assert 'href="/docs"' not in html  # a browser sends no token: it would be asked for one
    assert "<code>/metrics</code> has the figures for Prometheus. Both need a token of an operator" in html
    assert all(secret not in html for secret in (*OF_RULES.values(), "pat-made-up"))


async def test_links_lead_to_what_opens_on_a_port_of_the_operators_own(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, admin_port="0") as web:
        viewer = await signed_in(web, Role.VIEWER)
        html = (await viewer.get("/about")).text
        for path, _ in links(apart=True, tokens=True):
            assert f'href="{path}"' in html
            assert (await viewer.client.get(path)).status_code == 200
        assert "need a token" not in html
        await viewer.client.aclose()


def test_without_a_token_the_page_says_what_is_closed() -> None:
    assert links(apart=True, tokens=False) == (METRICS,)
    assert note(apart=True, tokens=False).startswith("`/docs`, which describes the API, is closed")
    assert links(apart=False, tokens=False) == ()
    assert note(apart=False, tokens=False).startswith("`/docs`, which describes the API, and `/metrics` are closed")
