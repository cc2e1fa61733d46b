"""`segue hubspot action`: printed, registered, replaced; and what the sandbox's HubSpot makes of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from app.__main__ import build
from app.audit.store import AuditFilters, AuditStore
from app.database.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from typer.testing import Result

KEY = "developer-sandbox"
RULES = """version: 1
accounts: {main: {token: x}}
sources:
  crm: {provider: hubspot, secrets: [app-secret]}
  form: {provider: typeform, secrets: [x]}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")

    def run(*arguments: str, **environment: str) -> Result:
        known = {"SEGUE_CONFIG": str(tmp_path / "rules.yaml"), "SEGUE_PUBLIC_URL": "https://segue.example/"}
        return CliRunner().invoke(build(), ["hubspot", "action", *arguments], env=known | environment)

    return run


def definitions(sandbox_url: str) -> list[dict[str, Any]]:
    url = f"{sandbox_url}/automation/actions/2026-03/4711"
    told: list[dict[str, Any]] = httpx.get(url, params={"hapikey": KEY}, trust_env=False).json()["results"]
    return told


def test_it_is_printed_as_hubspot_wants_it(run: Callable[..., Result]) -> None:
    told = json.loads(run().stdout)
    assert told["actionUrl"] == "https://segue.example/webhooks/crm"
    assert told["objectRequestOptions"] == {"properties": ["email", "firstname", "lastname", "company"]}
    assert {"functions", "inputFields", "labels", "objectTypes", "published"} <= told.keys()
    assert not told["published"]


def test_it_is_printed_as_a_file_of_a_project(run: Callable[..., Result]) -> None:
    told = json.loads(run("--project", "--publish").stdout)
    assert (told["type"], told["config"]["isPublished"]) == ("workflow-action", True)
    assert told["config"]["supportedClients"] == [{"client": "WORKFLOWS"}]


@pytest.mark.parametrize("way", [[], ["--hapikey"]])
def test_it_is_registered_once_and_replaced_from_then_on(
    run: Callable[..., Result], sandbox_url: str, way: list[str]
) -> None:
    known = {"SEGUE_HUBSPOT_BASE_URL": sandbox_url, "SEGUE_HUBSPOT_DEVELOPER_KEY": KEY}
    first = run("--register", "4711", *way, **known)
    assert first.exit_code == 0, first.exception
    assert "revision 1" in first.stdout
    assert "only its developer sees it" in first.stdout
    assert "revision 2" in run("--register", "4711", "--publish", *way, **known).stdout
    (kept,) = definitions(sandbox_url)
    assert (kept["actionUrl"], kept["published"]) == ("https://segue.example/webhooks/crm", True)


def test_it_is_written_into_the_audit_log_where_that_can_be_reached(
    run: Callable[..., Result], sandbox_url: str, database_url: str, tmp_path: Path
) -> None:
    known = {"SEGUE_HUBSPOT_BASE_URL": sandbox_url, "SEGUE_HUBSPOT_DEVELOPER_KEY": KEY}
    written = run("--register", "4712", **known, SEGUE_DATABASE_URL=database_url)
    assert (written.exit_code, written.stderr.count("audit")) == (0, 0)
    alone = run("--register", "4712", **known, SEGUE_DATA_DIR=str(tmp_path / "none"))
    assert (alone.exit_code, "it has no row in the audit log" in alone.stderr) == (0, True)
    (row,) = asyncio.run(audited(database_url))
    assert (row["who"], row["what"], row["target"]) == ("cli", "segue hubspot action --register", "app 4712")
    assert (row["after"]["url"], row["after"]["published"]) == ("https://segue.example/webhooks/crm", False)


async def audited(url: str) -> Sequence[Mapping[str, Any]]:
    engine = open_engine(url)
    try:
        return await AuditStore(engine).page(AuditFilters())
    finally:
        await engine.dispose()


def test_it_stays_as_visible_as_it_is_unless_that_is_asked_for(run: Callable[..., Result], sandbox_url: str) -> None:
    known = {"SEGUE_HUBSPOT_BASE_URL": sandbox_url, "SEGUE_HUBSPOT_DEVELOPER_KEY": KEY}
    for flags, published, told in (
        ([], False, "revision 1: workflows post to https://segue.example/webhooks/crm; only its developer sees it"),
        (["--publish"], True, "its app's accounts see it"),
        ([], True, "its app's accounts see it"),
        (["--unpublish"], False, "only its developer sees it"),
        ([], False, "only its developer sees it"),
    ):
        assert told in run("--register", "4711", *flags, **known).stdout
        assert [kept["published"] for kept in definitions(sandbox_url)] == [published]


def test_what_keeps_it_from_being_registered_is_told(run: Callable[..., Result], sandbox_url: str) -> None:
    known = {"SEGUE_HUBSPOT_BASE_URL": sandbox_url}
    assert "SEGUE_HUBSPOT_DEVELOPER_KEY" in str(run("--register", "4711", **known).exception)
    refused = run("--register", "4711", **known, SEGUE_HUBSPOT_DEVELOPER_KEY="wrong")
    assert "INVALID_AUTHENTICATION" in str(refused.exception)
    assert "wrong" not in str(refused.exception)
    assert "https" in str(run(SEGUE_PUBLIC_URL="http://segue.example").exception)
    assert "there are none that fits" in str(run("--source", "form").exception)


def test_a_source_that_takes_no_v2_signature_is_named(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "crm: HubSpot signs" in run().stderr
    (tmp_path / "rules.yaml").write_text(RULES.replace("hubspot,", "hubspot, signatures: any,"), encoding="utf-8")
    assert run().stderr == ""
