"""Senders: what the pages say of each, what waits, and what an operator pauses and resumes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.console.sender_words import all_in_words, fill_of, mark_of, one_in_words, word_of
from app.operators import Role
from app.senders.status import BY_OPERATOR, SenderStatus
from tests.conftest import NOON
from tests.console.places import fill
from tests.console.several import SETTINGS, rules_of_several
from tests.support.console import signed_in
from tests.support.service import RULES, running, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

BY_SEGUE = "Paused since 13:00 by Segue, after refusals of HubSpot"
BERLIN = ZoneInfo("Europe/Berlin")
SENT = """
    INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
    SELECT 'enr_' || n, :account, 'anna@acme.example', now() - interval '2 hours' FROM generate_series(1, :rows) AS n
"""
PAUSED_OWNER = """
    INSERT INTO sender_pauses (account, inbox, sender, user_id, reason, paused_at)
    VALUES (:account, 'cleo@acme.example', 'owner 9', '7009', 'DISCONNECTED_INBOX', now())
"""
OWNER_THAT_SENT = """
    WITH sent AS (
        UPDATE enrollments SET account = :account, sender = 'owner 8', sender_user_id = '7008'
        WHERE email = 'ada1@corp.example' RETURNING id, account
    ) INSERT INTO sender_reservations SELECT id, account, 'cleo@acme.example', now() FROM sent
"""


def status(**more: Any) -> SenderStatus:
    """Return a sender with 12 places left."""
    usual: dict[str, Any] = {
        "account": "main",
        "name": "anna",
        "user_id": "7001",
        "inbox": "anna@acme.example",
        "alias": None,
        "limit": 400,
        "left": 12,
        "waiting": 0,
        "paused_at": None,
        "paused_by": None,
        "reason": None,
        "full_until": None,
    }
    return SenderStatus(**{**usual, **more})


PAUSED = status(paused_at=NOON, paused_by="olga", reason="on leave", left=300)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file, with a pool."""
    file = tmp_path / "rules.yaml"
    pool = "pools:\n  emea: {pick: weighted, senders: {anna: 2, ben: 1}, sticky: company}\n"
    ben = '  ben: {user_id: "7002", email: ben@acme.example, daily: 2}\n'
    file.write_text(RULES.replace("endpoints:", f"{ben}{pool}endpoints:"))
    return file


@pytest.mark.parametrize(
    ("one", "next_at", "mark", "fill_", "word", "said"),
    [
        (status(), None, "ok", "look", "12 left", "anna has sent 388 of 400 in these 24 hours; nothing waits."),
        (status(left=400), None, "ok", "ok", "400 left", "anna has sent 0 of 400 in these 24 hours; nothing waits."),
        (
            status(left=0, waiting=9),
            NOON + timedelta(hours=3),
            "look",
            "look",
            "full",
            "anna has sent 400 of 400 in these 24 hours, the next place 16:00; 9 enrollments wait.",
        ),
        (
            PAUSED,
            None,
            "bad",
            "plain",
            "paused",
            "anna has sent 100 of 400 in these 24 hours; nothing waits. Paused since 13:00 by olga: on leave.",
        ),
        (
            status(paused_at=NOON, reason="BAD_INBOX ada@corp.example", waiting=1),
            None,
            "bad",
            "plain",
            "paused",
            f"anna has sent 388 of 400 in these 24 hours; 1 enrollment waits. {BY_SEGUE}: BAD_INBOX a***@corp.example.",
        ),
        (
            status(left=0, full_until=NOON + timedelta(hours=1)),
            None,
            "look",
            "look",
            "full",
            "anna has sent 400 of 400 in these 24 hours; nothing waits. HubSpot calls it full; tried again 14:00.",
        ),
    ],
)
def test_a_sentence_about_one(  # each is a part of what is shown
    one: SenderStatus, next_at: datetime | None, mark: str, fill_: str, word: str, said: str
) -> None:
    assert (mark_of(one), fill_of(one), word_of(one)) == (mark, fill_, word)
    assert one_in_words(one, next_at, NOON, BERLIN) == said


def test_a_pause_without_a_reason_has_none() -> None:
    said = one_in_words(status(paused_at=NOON, paused_by="olga", reason=BY_OPERATOR), None, NOON, BERLIN)
    assert said.endswith("Paused since 13:00 by olga.")


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([], "The rules in force name no sender, so that nothing can be enrolled in a sequence."),
        ([status()], "1 sender: 12 places left in these 24 hours; nothing waits."),
        (
            [status(), PAUSED, status(left=0, waiting=2)],
            "3 senders, of which 1 is paused and 1 is full: 12 places left in these 24 hours; 2 enrollments wait.",
        ),
    ],
)
def test_a_sentence_about_all(statuses: list[SenderStatus], said: str) -> None:
    assert all_in_words(statuses) == said


async def account_of(web: Running) -> str:
    (account,) = web.process.current_rulebook().accounts.values()
    return account.name


async def test_senders_are_listed_with_bars_and_pools(web: Running, viewer: Browser) -> None:
    await web.execute(SENT, account=await account_of(web), rows=100)
    page = await viewer.json("/senders")
    anna, ben = page["lines"]
    assert (anna["name"], anna["used"], anna["limit"], anna["word"]) == ("anna", 100, 1000, "900 left")
    assert (ben["used"], ben["limit"], ben["pools"]) == (0, 2, ["emea"])
    assert page["pools"] == [
        {
            "name": "emea",
            "pick": "weighted",
            "sticky": "a company keeps its sender",
            "members": [["anna", 2], ["ben", 1]],
            "left": 902,
        }
    ]
    html = (await viewer.get("/senders")).text
    assert 'aria-label="anna: 100 of 1000"' in html


async def test_a_full_sender_says_when_its_next_place_is(web: Running, viewer: Browser) -> None:
    await web.execute(SENT.replace("anna@", "ben@"), account=await account_of(web), rows=2)
    ben = (await viewer.json("/senders"))["lines"][1]
    assert ben["word"] == "full"
    at = datetime.fromisoformat(ben["next_at"])
    assert timedelta(hours=21) < at - datetime.now(UTC) < timedelta(hours=23)


async def test_each_account_has_its_own_places_pauses_and_owners(database_url: str, rules: Path) -> None:
    write(rules, rules_of_several())
    async with running(database_url, rules, **SETTINGS) as web:
        await fill(web)
        await web.execute(SENT.replace("anna@", "u1@"), account="a1", rows=1)
        await web.execute(PAUSED_OWNER, account="a2")
        await web.execute(OWNER_THAT_SENT, account="a3")
        viewer = await signed_in(web, Role.VIEWER)
        async with viewer.client:
            page, one = await viewer.json("/senders"), await viewer.json("/senders/u1", account="a1")
    assert page["several_accounts"]
    found = {(line["account"], line["name"]): line for line in page["lines"]}
    assert [name for name in found if found[name]["used"]] == [("a1", "u1"), ("a3", "owner 8")]
    assert [name for name in found if found[name]["next_at"]] == [("a1", "u1")]
    assert [name for name in found if found[name]["mark"] == "bad"] == [("a2", "owner 9")]
    assert one["sender"] == {**found["a1", "u1"], "person": ""}
    assert len(found) == 7 * 7 + 2


async def test_one_sender_says_what_waits_and_why(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("""
        UPDATE enrollments SET state = 'held', reason = 'window', sender = 'anna', sender_email = 'anna@acme.example'
        WHERE state = 'ready'
    """)
    page = await viewer.json("/senders/anna")
    assert page["sentence"] == "anna has sent 0 of 1,000 in these 24 hours; 2 enrollments wait."
    (waits,) = page["waits"]
    assert (waits["word"], waits["count"], waits["code"]) == ("held", 2, "window")
    assert waits["why"] == "The sending window of the rule is closed."
    assert len(page["first_waiting"]) == 2
    assert len(page["hours"]) == 25
    assert (await viewer.get(page["first_waiting"][0]["url"].removeprefix("/admin"))).status_code == 200
    assert (await viewer.get("/senders/cara")).status_code == 404
    assert (await viewer.get("/senders/anna", account="other")).status_code == 404


async def test_a_pause_and_a_resume_say_first_whom_they_concern(web: Running, operator: Browser) -> None:
    await fill(web)
    await web.execute("""
        UPDATE enrollments SET state = 'held', reason = 'sender_paused', sender = 'anna',
               sender_email = 'anna@acme.example' WHERE state = 'ready'
    """)
    pause = (await operator.get("/senders/anna/pause")).text
    assert "Now 2 enrollments wait for it." in pause
    assert pause.partition('class="sample"')[2].count("rule ") == 2
    assert (await operator.confirm("/senders/anna/pause")).status_code == 303
    resume = (await operator.get("/senders/anna/resume")).text
    assert "2 enrollments are held for paused senders of main." in resume
    assert resume.partition('class="sample"')[2].count("held since") == 2
    # What comes and goes all the time is not asked about again.
    assert (await operator.confirm("/senders/anna/resume", {"shown": "1"})).status_code == 303


async def test_an_operator_pauses_and_resumes_and_says_why(web: Running, operator: Browser) -> None:
    answer = await operator.confirm("/senders/anna/pause", {"reason": "on leave"})
    assert answer.status_code == 303
    page = await operator.json("/senders/anna")
    assert page["paused"]
    assert page["sentence"].endswith("by olga: on leave.")
    assert (await operator.post("/senders/anna/pause")).status_code == 409
    assert "It is paused already." in (await operator.get("/senders/anna/pause")).text
    assert "by olga: on leave" in (await operator.get("/senders/anna/resume")).text
    assert (await operator.confirm("/senders/anna/resume", {"reason": "back"})).status_code == 303
    assert not (await operator.json("/senders/anna"))["paused"]
    assert (await operator.post("/senders/anna/resume")).status_code == 409
    lines = await web.rows("SELECT what, after FROM audit WHERE outcome = 'done' AND target = 'anna' ORDER BY id")
    assert [(line["after"]["paused"], line["after"]["reason"]) for line in lines] == [
        (True, "on leave"),
        (False, "back"),
    ]
