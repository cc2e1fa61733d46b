"""What runs here, for operators: all settings in force, and no secret of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import __version__
from app.accounts.encryption import new_key
from app.observability.shared import PARENT, Slot
from app.reports.about import processes_of
from app.settings import SECRETS, Settings
from tests.support.service import VIEWER_TOKEN, running

if TYPE_CHECKING:
    from pathlib import Path


async def test_settings_in_force_are_shown_without_secrets(database_url: str, rules: Path) -> None:
    key = new_key()
    url, networks = "https://" + "user:made-up-password" + "@segue.example/in/", "10.0.0.0/8, 192.0.2.1"
    async with running(database_url, rules, public_url=url, trusted_proxies=networks, encryption_keys=key) as web:
        answer = await web.client.get("/api/v1/about", headers={"authorization": f"Bearer {VIEWER_TOKEN}"})
        about = answer.json()
        revision = web.process.current_rulebook().revision
    assert (about["version"], about["revision"], about["practice"]) == (__version__, revision, False)
    shown = {row["name"]: row for row in about["settings"]}
    assert set(shown) == {f"SEGUE_{name.upper()}" for name in Settings.model_fields}
    assert {name.removeprefix("SEGUE_") for name, row in shown.items() if row["secret"]} == set(SECRETS)
    assert {row["value"] for row in shown.values() if row["secret"]} == {None}
    assert shown["SEGUE_TOKENS"]["given"]
    assert shown["SEGUE_PUBLIC_URL"]["value"] == "https://segue.example/in/"
    assert shown["SEGUE_TRUSTED_PROXIES"]["value"] == "10.0.0.0/8, 192.0.2.1/32"
    assert (shown["SEGUE_RETENTION_DAYS"]["value"], shown["SEGUE_RETENTION_DAYS"]["given"]) == ("30.0", False)
    for secret in ("made-up-password", key, VIEWER_TOKEN, "pat-made-up", database_url):
        assert secret not in answer.text


def test_processes_are_those_of_the_service() -> None:
    found = processes_of([Slot(PARENT, PARENT), Slot("web-1", "web")])
    assert [(one.name, one.role) for one in found] == [(PARENT, PARENT), ("web-1", "web")]
