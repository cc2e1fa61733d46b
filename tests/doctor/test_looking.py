"""`segue hubspot sequences`, `owners` and `senders`, and what the database adds to them and to `doctor`."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.accounts.encryption import Encryption, new_key
from app.accounts.grant_store import GrantStore
from app.clock import utc_now
from app.database.schema import enrichments
from app.hubspot.api.consent import REQUIRED_SCOPES
from app.hubspot.api.oauth import TokenFacts, Tokens
from app.model import Sender
from app.senders.pause_store import SenderPauseStore
from tests.doctor.conftest import ANNA, BEN, CLEO

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.doctor.conftest import Practice

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}


def listed(practice: Practice, *arguments: str, **environment: str) -> list[dict[str, Any]]:
    result = practice.run("hubspot", *arguments, "--json", **environment)
    assert result.exit_code == 0, result.exception
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_sequences_are_listed_with_what_a_rule_wants_to_know(practice: Practice) -> None:
    practice.rules(anna=ANNA, ben=BEN)
    rows = {row["id"]: row for row in listed(practice, "sequences")}
    assert rows["310002"] == {
        "id": "310002",
        "name": "Webinar follow-up",
        "owner": "Ben Acme",
        "steps": ["EMAIL", "EMAIL"],
        "sends": "08:00-18:00",
        "follow_up_days": "BUSINESS_DAYS",
        "edited_at": "2026-01-05T09:00:00+00:00",
        "seen_by": ["anna", "ben"],
    }
    assert rows["310004"]["seen_by"] == ["ben"]


def test_sequences_of_one_sender_or_one_user(practice: Practice) -> None:
    practice.rules(anna=ANNA, ben=BEN)
    assert "310004" not in {row["id"] for row in listed(practice, "sequences", "--sender", "anna")}
    assert "310004" in {row["id"] for row in listed(practice, "sequences", "--user", "7002")}
    assert "there is no sender 'eve'" in str(practice.run("hubspot", "sequences", "--sender", "eve").exception)
    both = practice.run("hubspot", "sequences", "--sender", "anna", "--user", "7002")
    assert "either" in str(both.exception)


def test_a_user_id_that_is_none_is_told_beside_the_list(practice: Practice) -> None:
    practice.rules(anna=ANNA, ben=BEN | {"user_id": "90212"})
    result = practice.run("hubspot", "sequences", "--json")
    assert "ben: HubSpot lists nothing" in result.stderr
    assert {row["id"] for row in json.loads(result.stdout)} == {"310001", "310002", "310003", "310005"}


def test_before_any_rules_a_token_is_enough(practice: Practice) -> None:
    (practice.folder / "rules.yaml").unlink()
    token = {"SEGUE_HUBSPOT_TOKEN": practice.environment["SEGUE_HUBSPOT_TOKEN"]}
    assert listed(practice, "sequences", **token)[0]["seen_by"] == ["7001"]
    assert [row["user_id"] for row in listed(practice, "owners", **token)] == ["7001", "7002", "7003", "7004"]
    assert listed(practice, "senders", **token) == []


def test_owners_have_both_ids_beside_each_other(practice: Practice) -> None:
    shown = practice.run("hubspot", "owners").stdout
    (line,) = [line for line in shown.splitlines() if "Anna Acme" in line]
    assert line.split() == ["Anna", "Acme", "anna@acme.example", "7001", "90211"]


def test_senders_are_joined_with_owners_and_seats(practice: Practice) -> None:
    practice.rules(anna=ANNA, cleo=CLEO)
    anna, cleo = listed(practice, "senders")
    assert (anna["owner_id"], anna["owner"], anna["seats"], anna["left"]) == ("90211", "Anna Acme", ["sales-pro"], None)
    assert cleo["seats"] == []
    practice.refuse("users", 403, "MISSING_SCOPES")
    assert listed(practice, "senders")[0]["seats"] is None


def test_what_hubspot_refuses_is_one_message(practice: Practice) -> None:
    practice.refuse("owners", 403, "MISSING_SCOPES")
    result = practice.run("hubspot", "owners")
    assert result.exit_code == 1
    assert "crm.objects.owners.read" in str(result.exception)


def test_of_several_accounts_one_has_to_be_named(practice: Practice) -> None:
    practice.rules(more={"accounts": {"main": {"token": "a"}, "us": {"token": "pat-sandbox"}}, "rules": []}, anna=ANNA)
    assert "--account, main, us" in str(practice.run("hubspot", "owners").exception)
    assert len(listed(practice, "owners", "--account", "us")) == 4


async def test_with_a_database_senders_have_a_standing_and_the_pace_is_shared(
    practice: Practice, database_url: str, engine: AsyncEngine
) -> None:
    await SenderPauseStore(engine).pause("main", Sender("anna", "7001", "anna@acme.example"), "by an operator")
    at = {"SEGUE_DATABASE_URL": database_url}
    (anna,) = await asyncio.to_thread(listed, practice, "senders", **at)
    assert (anna["left"], anna["limit"], anna["paused"]) == (1000, 1000, True)
    async with engine.connect() as connection:
        granted = await connection.exec_driver_sql("SELECT sum(count) FROM rate_grants WHERE account = 'main'")
        assert granted.scalar_one() == 2
    _, findings = await asyncio.to_thread(lambda: practice.doctor(**at))
    assert findings["database"]["status"] == "ok"
    assert re.match(r"PostgreSQL 18\.\d+ \(at SEGUE_DATABASE_URL\) can be asked", findings["database"]["told"])


async def test_with_a_database_events_that_wait_for_a_refused_token_are_found(
    practice: Practice, database_url: str, engine: AsyncEngine
) -> None:
    values = dict.fromkeys(("event_id", "delivery_id"), "x") | {"source": "billing", "state": "ready"}
    values |= {"reason": "token_refused", "detail": "api.stripe.com answered 401"}
    times = {name: utc_now() for name in ("due_at", "created_at", "updated_at")}
    async with engine.begin() as connection:
        await connection.execute(enrichments.insert().values(**values, **times))
    code, findings = await asyncio.to_thread(lambda: practice.doctor(SEGUE_DATABASE_URL=database_url))
    assert (code, findings["lookups of source billing"]["status"]) == (1, "failed")
    assert "api.stripe.com answered 401" in findings["lookups of source billing"]["told"]


@pytest.mark.parametrize("missing", [None, "automation.sequences.enrollments.write"])
async def test_an_account_that_joined_by_oauth_is_asked_with_its_grant(
    practice: Practice, database_url: str, engine: AsyncEngine, missing: str | None
) -> None:
    key, url = new_key(), "https://segue.example"
    oauth = {
        "SEGUE_DATABASE_URL": database_url,
        "SEGUE_ENCRYPTION_KEYS": key,
        "SEGUE_HUBSPOT_CLIENT_ID": CLIENT["client_id"],
        "SEGUE_HUBSPOT_CLIENT_SECRET": CLIENT["client_secret"],
        "SEGUE_PUBLIC_URL": "http://127.0.0.1:9",
    }
    practice.rules(more={"accounts": {"main": {"oauth": True}}}, anna=ANNA)
    code, findings = await doctor(practice, **oauth)
    assert (code, findings["token accepted"]["status"]) == (1, "failed")
    assert "segue hubspot install main" in findings["token accepted"]["do"]
    scopes = tuple(scope for scope in (*REQUIRED_SCOPES, "settings.users.read") if scope != missing)
    access = await granted(practice, scopes, url)
    await GrantStore(engine, Encryption([key])).connect(
        "main", "48000001", Tokens(access, 1800, "refresh", TokenFacts(user_id="7001", scopes=scopes)), seconds=1800
    )
    code, findings = await doctor(practice, **oauth)
    assert findings["token accepted"]["status"] == "ok"
    assert findings["scopes"]["status"] == ("failed" if missing else "ok")
    assert findings["daily budget"]["status"] == "ok"
    assert code == (1 if missing else 0)
    code, findings = await doctor(practice, **oauth | {"SEGUE_DATABASE_URL": ""})
    assert (code, findings["token accepted"]["status"]) == (0, "unknown")


async def doctor(practice: Practice, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    ended = await asyncio.to_thread(lambda: practice.process("doctor", "--json", **environment))
    assert ended.stdout, ended.stderr
    return ended.returncode, {one["check"]: one for one in json.loads(ended.stdout)["findings"]}


async def granted(practice: Practice, scopes: tuple[str, ...], url: str) -> str:
    """Return an access token of the sandbox, as somebody who consented gets it."""
    async with httpx.AsyncClient(base_url=practice.url, trust_env=False) as browser:
        asked = {"client_id": CLIENT["client_id"], "redirect_uri": f"{url}/oauth/callback", "scope": " ".join(scopes)}
        consent = await browser.get("/oauth/authorize", params=asked | {"portal": practice.name})
        (code,) = parse_qs(urlsplit(consent.headers["location"]).query)["code"]
        form = CLIENT | {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{url}/oauth/callback"}
        token: str = (await browser.post("/oauth/2026-03/token", data=form)).json()["access_token"]
        return token
