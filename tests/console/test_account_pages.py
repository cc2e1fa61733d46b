"""HubSpot accounts: what the pages say of each, the doctor's runs, and the link that connects one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.accounts.encryption import new_key
from app.console.account_words import (
    Standing,
    all_in_words,
    budget_in_words,
    doctor_in_words,
    one_in_words,
    run_in_words,
    standing,
)
from app.hubspot.budget_store import Budget, Day, Window
from app.operators import Role
from tests.conftest import NOON
from tests.support.console import OWN_FORM, form_of, signed_in
from tests.support.service import RULES, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

BERLIN = ZoneInfo("Europe/Berlin")
ACCOUNTS = """\
accounts:
  main: {token: "${SEGUE_HUBSPOT_TOKEN}", timezone: Europe/Berlin, daily: 625000}
  emea: {oauth: true}
"""
OAUTH: dict[str, Any] = {
    "hubspot_client_id": "client-1",
    "hubspot_client_secret": "made-up-client-secret",
    "public_url": "https://segue.example",
}
GRANT = """
    INSERT INTO oauth_grants (account, hub_id, scopes, access_token, refresh_token, expires_in, expires_at, state,
                              detail, version, updated_at)
    VALUES ('emea', '4567', '{oauth}', '', '', 1800, now(), :state, :detail, 1, now() - interval '1 hour')
"""
HELD = """
    UPDATE enrollments SET state = 'held', reason = 'account_not_connected', account = 'emea'
    WHERE email = 'ada0@corp.example'
"""
RUN = """
    INSERT INTO doctor_runs (id, account, asked_by, asked_at, state, done_at, findings)
    VALUES (:id, 'main', 'ada', now() - interval '1 hour', :state, now() - interval '1 hour',
            CAST(CAST(:findings AS text) AS jsonb))
"""
FINDINGS = """[
    {"check": "token accepted", "status": "ok", "told": "it is the token of account 4200117", "do": "", "account": ""},
    {"check": "inboxes", "status": "failed", "told": "anna@acme.example is gone", "do": "connect it", "account": ""}
]"""


def window(**more: Any) -> Window:
    """Return the general window, a part of it used."""
    usual = {"kind": "general", "used": 31, "allowed": 180, "maximum": 190, "window_ms": 10_000, "blocked_until": None}
    return Window(**{**usual, "blocked_by": None, **more})


QUIET = Budget((window(),), Day(41_212, 625_000, NOON + timedelta(hours=10)))


@pytest.mark.parametrize(
    ("row", "held", "known", "mark", "word", "why"),
    [
        ({"state": "token"}, 0, True, "ok", "lets us in", ""),
        ({"state": "token"}, 0, False, "no", "not asked yet", "HubSpot has not said yet whose token it is."),
        ({"state": "token"}, 3, True, "bad", "lets us in no more", "HubSpot refuses its token: put a valid one there."),
        ({"state": "active"}, 0, True, "ok", "lets us in", ""),
        ({"state": "not_connected"}, 2, False, "bad", "not connected", "No person has connected it to HubSpot yet."),
        (
            {"state": "revoked", "updated_at": NOON, "detail": "the app was uninstalled by eve@corp.example"},
            31,
            True,
            "bad",
            "revoked",
            "Revoked since 13:00: The app was uninstalled by e***@corp.example.",
        ),
    ],
)
def test_an_account_stands_by_its_credential(
    row: dict[str, Any], held: int, mark: str, word: str, why: str, *, known: bool
) -> None:
    one = standing({"account": "emea", **row}, held, known=known, now=NOON, zone=BERLIN)
    assert (one.mark, one.word, one.why, one.held) == (mark, word, why, held)


def test_the_sentence_about_one_account_says_how_fast_it_may_send() -> None:
    said = one_in_words(Standing("main", "ok", "lets us in", "", 0), QUIET, NOON, BERLIN)
    assert said == (
        "main lets us in. General requests: 31 of 180 per 10 s; all requests: 41,212 of 625,000 today, until 23:00."
    )


def test_the_sentence_about_one_account_says_that_nothing_is_sent() -> None:
    revoked = Standing("emea", "bad", "revoked", "Revoked since 13:40: It was uninstalled.", 31)
    assert one_in_words(revoked, Budget((), None), NOON, BERLIN) == (
        "Nothing is sent by emea. Revoked since 13:40: It was uninstalled. 31 enrollments wait for it."
    )


def test_a_pause_that_hubspot_asks_for_is_told() -> None:
    blocked = window(blocked_until=NOON + timedelta(minutes=5), blocked_by="RATE_LIMIT_DAILY")
    assert budget_in_words(Budget((blocked,), None), NOON, BERLIN) == (
        "General requests: 31 of 180 per 10 s. HubSpot asks for a pause until 13:05 (RATE_LIMIT_DAILY)."
    )


def test_all_accounts_are_one_sentence() -> None:
    good = Standing("main", "ok", "lets us in", "", 0)
    out = Standing("emea", "bad", "revoked", "", 31)
    assert all_in_words([]) == "The rules in force name no HubSpot account."
    assert all_in_words([good]) == "1 account: HubSpot lets us in."
    assert all_in_words([good, out]) == "emea does not let us in, of 2 accounts; 31 enrollments wait for that."
    assert all_in_words([Standing("main", "no", "not asked yet", "", 0)]) == (
        "1 account, of which HubSpot has named none yet."
    )


def test_a_run_is_as_grave_as_its_gravest_finding() -> None:
    def run(*statuses: str, detail: str | None = None) -> dict[str, Any]:
        return {"done_at": NOON, "detail": detail, "findings": [{"status": status} for status in statuses]}

    assert run_in_words(None, NOON, BERLIN) == ("no", "The doctor has not looked at it yet")
    assert run_in_words(run("ok", "ok", "unknown"), NOON, BERLIN) == ("ok", "13:00: 1 unknown, 2 ok")
    assert run_in_words(run("ok", "failed", "warning"), NOON, BERLIN) == ("bad", "13:00: 1 failed, 1 warning, 1 ok")
    assert run_in_words(run(detail="HubSpot took too long"), NOON, BERLIN) == ("look", "13:00: HubSpot took too long")


def test_the_doctors_newest_runs_are_one_sentence() -> None:
    def run(*statuses: str, hours: int = 0, detail: str | None = None) -> dict[str, Any]:
        findings = [{"status": status} for status in statuses]
        return {"done_at": NOON - timedelta(hours=hours), "detail": detail, "findings": findings}

    assert doctor_in_words([None], NOON, BERLIN) == "The doctor has not looked at it yet."
    assert doctor_in_words([None, None], NOON, BERLIN) == "The doctor has looked at none of them yet."
    assert doctor_in_words([run("ok", "unknown")], NOON, BERLIN) == "The doctor, 13:00: 1 unknown, 1 ok."
    several = [run("ok"), run("ok", "failed", hours=2), run(detail="HubSpot took too long"), None]
    assert doctor_in_words(several, NOON, BERLIN) == (
        "The doctor, since 11:00: 1 failed, 2 ok; no answer of 1 account; not yet at 1 account."
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file, with an account by a token and one by OAuth."""
    file = tmp_path / "rules.yaml"
    text = RULES.replace("sources:\n", f"{ACCOUNTS}sources:\n", 1)
    file.write_text(re.sub(r"( +)enroll:", r"\1account: main\n\1enroll:", text))
    return file


@pytest.fixture
async def web(database_url: str, rules: Path) -> AsyncIterator[Running]:
    """A service to which accounts may join by OAuth."""
    async with running(database_url, rules, encryption_keys=new_key(), **OAUTH) as service:
        yield service


async def test_the_list_says_who_lets_us_in_and_who_waits(web: Running, viewer: Browser) -> None:
    await _deliver(web)
    await web.execute(GRANT, state="revoked", detail="the app was uninstalled")
    await web.execute(HELD)
    page = await viewer.json("/accounts")
    assert page["sentence"] == "emea does not let us in, of 2 accounts; 1 enrollment waits for that."
    emea, main = page["lines"]
    assert (emea["standing"]["word"], emea["standing"]["held"], emea["portal"], emea["by"]) == (
        "revoked",
        1,
        "4567",
        "OAuth",
    )
    assert (main["standing"]["word"], main["by"]) == ("not asked yet", "a token")
    assert [bar["words"] for bar in main["bars"]] == ["0 of 625,000 today"]


async def test_the_overview_has_the_accounts_and_says_that_one_lets_nothing_be_sent(
    web: Running, viewer: Browser
) -> None:
    await web.execute(GRANT, state="revoked", detail="the app was uninstalled")
    await web.execute(
        "INSERT INTO rate_windows (account, kind, maximum, window_ms) VALUES ('main', 'general', 190, 10000)"
    )
    await web.execute("INSERT INTO hubspot_accounts VALUES ('main', '4200117', 'Europe/Berlin', now())")
    page = await viewer.json("/overview")
    assert [(one["name"], one["standing"]["word"], one["portal"]) for one in page["accounts"]] == [
        ("emea", "revoked", "4567"),
        ("main", "lets us in", "4200117"),
    ]
    assert page["lead"].startswith("One thing needs a person; ")
    assert page["needs"][0]["sentence"] == "Nothing is sent by the account emea."
    html = (await viewer.get("/overview")).text
    assert (
        '<th scope="row"><a href="/admin/accounts/main">main</a> <span class="soft">portal 4200117</span></th>' in html
    )
    assert "0 of 180 per 10 s" in html
    assert "0 of 625,000</td>" in html
    assert "no cap" in html


async def test_an_account_that_has_left_the_rules_is_not_on_the_overview(web: Running, viewer: Browser) -> None:
    await web.execute(GRANT.replace("'emea'", "'left'"), state="revoked", detail="the app was uninstalled")
    assert [one["name"] for one in (await viewer.json("/accounts"))["lines"]] == ["emea", "left", "main"]
    assert [one["name"] for one in (await viewer.json("/overview"))["accounts"]] == ["emea", "main"]


async def test_the_overview_has_no_accounts_where_there_are_none(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, load=False) as web:
        viewer = await signed_in(web, Role.VIEWER)
        async with viewer.client:
            html = (await viewer.get("/overview")).text
    assert "Nothing needs a person" in html
    assert 'id="accounts"' not in html


async def test_one_account_shows_its_budgets_and_who_is_held_for_it(web: Running, viewer: Browser) -> None:
    await _deliver(web)
    await web.execute(HELD)
    await web.execute("INSERT INTO hubspot_accounts VALUES ('main', '4200117', 'Europe/Berlin', now())")
    await web.execute(
        "INSERT INTO rate_windows (account, kind, maximum, window_ms) VALUES ('main', 'general', 190, 10000)"
    )
    await web.execute("INSERT INTO rate_grants (account, kind, granted_at, count) VALUES ('main', 'general', now(), 7)")
    main, emea = await viewer.json("/accounts/main"), await viewer.json("/accounts/emea")
    assert [(bar["name"], bar["used"]) for bar in main["account"]["bars"]] == [("general", 7), ("day", 0)]
    assert (main["account"]["portal"], main["timezone"], main["doctor_url"]) == ("4200117", "Europe/Berlin", None)
    assert [(one["code"], one["count"]) for one in emea["held"]] == [("account_not_connected", 1)]
    listed = await viewer.client.get(emea["held"][0]["url"])
    assert "1 enrollment, held, in the last 30 days." in listed.text
    other = await viewer.json("/enrollments", account="main", period="30d", reason="account_not_connected")
    assert other["lines"]["items"] == []


async def test_the_last_run_of_the_doctor_is_shown_with_what_to_do(web: Running, admin: Browser) -> None:
    await web.execute(RUN, id="doc_1", state="done", findings=FINDINGS)
    page = await admin.json("/accounts/main")
    assert [(one["check"], one["mark"], one["do"]) for one in page["findings"]] == [
        ("inboxes", "bad", "Connect it."),
        ("token accepted", "ok", ""),
    ]
    assert page["findings"][0]["told"] == "A***@acme.example is gone."
    assert (await admin.json("/accounts"))["lines"][1]["doctor"][0] == "bad"
    run = await admin.get("/accounts/main/doctor/doc_1")
    assert "hx-get" not in run.text  # nothing of it changes any more
    assert "Connect it." in run.text


async def test_the_doctor_is_asked_for_and_its_page_refreshes_itself(web: Running, admin: Browser) -> None:
    answer = await admin.confirm("/accounts/main/doctor")
    ((id_),) = [
        row["id"] for row in await web.rows("SELECT id FROM doctor_runs WHERE state = 'waiting' AND asked_by = 'ada'")
    ]
    assert answer.headers["location"] == f"/admin/accounts/main/doctor/{id_}"
    assert 'hx-trigger="every 2s"' in (await admin.client.get(answer.headers["location"])).text
    again = await admin.confirm("/accounts/main/doctor")
    assert again.headers["location"] == answer.headers["location"]
    assert (await admin.get("/accounts/emea/doctor/" + id_)).status_code == 404


async def test_a_link_says_first_what_is_held_for_want_of_it(web: Running, admin: Browser) -> None:
    await _deliver(web)
    await web.execute(HELD)
    asked = (await admin.get("/accounts/emea/connect")).text
    assert "1 enrollment is held for it now." in asked
    assert asked.partition('class="sample"')[2].count("held since") == 1


async def test_a_link_is_shown_once_and_stands_in_no_url_and_no_log(
    web: Running, admin: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await admin.confirm("/accounts/emea/connect")
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert not any("ticket" in cookie for cookie in answer.headers.get_list("set-cookie"))
    (link,) = set(re.findall(r"https://segue\.example/oauth/install\?ticket=[\w-]+", answer.text))
    ticket = link.partition("=")[2]
    shown = await web.client.get(f"/oauth/install?ticket={ticket}")
    assert "Connect emea to HubSpot" in shown.text
    rows = await web.rows("SELECT extract(epoch FROM expires_at - created_at) AS seconds FROM oauth_installs")
    assert [float(row["seconds"]) for row in rows] == [pytest.approx(600, abs=1)]
    assert ticket not in "".join(capfd.readouterr())
    audit = await web.rows(
        "SELECT who, target, outcome, audit::text AS all FROM audit WHERE what LIKE 'POST /admin/accounts/%'"
    )
    assert [(row["who"], row["target"], row["outcome"]) for row in audit] == [("ada", "emea", "done")]
    assert ticket not in audit[0]["all"]


async def test_an_account_with_a_token_is_not_connected_by_a_link(web: Running, admin: Browser) -> None:
    asked = await admin.get("/accounts/main/connect")
    assert "main has a token in the rules" in asked.text
    assert form_of(asked.text, "/admin/accounts/main/connect") == {}
    assert (await admin.post("/accounts/main/connect")).status_code == 409
    assert await web.rows("SELECT * FROM oauth_installs") == []


async def test_what_is_asked_of_an_account_is_for_admins(web: Running) -> None:
    operator = await signed_in(web, Role.OPERATOR)
    async with operator.client:
        for what in ("doctor", "connect"):
            sent = await operator.client.post(f"/admin/accounts/emea/{what}", headers=OWN_FORM)
            assert sent.status_code == 403
        assert "Run the doctor" not in (await operator.get("/accounts/emea")).text


async def test_an_account_that_is_not_in_the_rules_has_no_page(admin: Browser) -> None:
    for path in ("", "/doctor", "/connect", "/doctor/doc_1"):
        assert (await admin.get(f"/accounts/nosuch{path}")).status_code == 404


async def _deliver(web: Running) -> None:
    data = {"email": "ada0@corp.example", "employees": 80, "first_name": "Ada"}
    await web.deliver("crm", {"type": "signup", "data": data})
