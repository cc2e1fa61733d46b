"""One sender and one account over HTTP: what was sent, when a place is free, who waits, and what of budgets is used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.clock import utc_now
from app.senders.pause_store import NOTE_REFUSAL
from app.senders.quota_store import PERIOD
from tests.support.service import OPERATOR_TOKEN, RULES, Running, running, write

if TYPE_CHECKING:
    from pathlib import Path

INBOX = "anna@acme.example"
TWO_PLACES = RULES.replace("email: anna@acme.example}", "email: anna@acme.example, daily: 2}")
TWO_PLACES += "pools:\n  emea: {senders: [anna]}\n"
PAUSE = "/api/v1/senders/anna/pause"


async def put(web: Running, statement: str, **values: Any) -> None:
    async with web.process.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def reserve(web: Running, id_: str, ago: timedelta) -> None:
    await put(
        web,
        "INSERT INTO sender_reservations VALUES (:id, 'main', :inbox, :at)",
        id=id_,
        inbox=INBOX,
        at=utc_now() - ago,
    )


async def test_a_sender_says_what_it_sent_by_the_hour_and_when_a_place_is_free(database_url: str, rules: Path) -> None:
    write(rules, TWO_PLACES)
    async with running(database_url, rules) as web:
        free = (await web.get("/api/v1/senders/anna")).json()
        assert (free["next_place_at"], free["hours"], free["pools"]) == (None, [], ["emea"])
        for number, ago in enumerate([timedelta(hours=30), timedelta(hours=20), timedelta(hours=5)]):
            await reserve(web, f"enr_{number}", ago)
        full = (await web.get("/api/v1/senders/anna", account="main")).json()
        (oldest,) = await web.rows("SELECT reserved_at FROM sender_reservations WHERE enrollment_id = 'enr_1'")
        assert datetime.fromisoformat(full["next_place_at"]) == oldest["reserved_at"] + PERIOD
        assert (full["left"], [hour["sent"] for hour in full["hours"]]) == (0, [1, 1])
        assert full["hours"][0]["hour"].endswith(":00:00Z")
        # Where the cap was lowered since, the places are the newest ones.
        await reserve(web, "enr_3", timedelta(hours=1))
        over = (await web.get("/api/v1/senders/anna")).json()
        (newer,) = await web.rows("SELECT reserved_at FROM sender_reservations WHERE enrollment_id = 'enr_2'")
        assert datetime.fromisoformat(over["next_place_at"]) == newer["reserved_at"] + PERIOD
        assert (await web.get("/api/v1/senders/none")).status_code == 404


async def test_a_sender_says_who_waits_for_it(web: Running) -> None:
    for number in range(3):
        data = {"email": f"p{number}@corp.example", "employees": 80}
        await web.deliver("crm", {"type": "signup", "data": data})
    await put(web, "UPDATE enrollments SET sender_email = :inbox, state = 'held', reason = 'quota'", inbox=INBOX)
    await put(
        web, "UPDATE enrollments SET reason = 'window', due_at = now() - interval '1 day' WHERE email LIKE 'p1@%'"
    )
    await put(web, "UPDATE enrollments SET sending_at = now() WHERE email LIKE 'p2@%'")
    one = (await web.get("/api/v1/senders/anna")).json()
    assert [(row["reason"], row["count"]) for row in one["waits"]] == [("quota", 1), ("window", 1)]
    assert [row["email"] for row in one["first_waiting"]] == ["p1@corp.example", "p0@corp.example"]
    assert one["waiting"] == 2


async def test_a_pause_says_who_and_a_refusal_changes_neither_who_nor_why(web: Running) -> None:
    (paused,) = (await web.post(PAUSE, token=OPERATOR_TOKEN)).json()["items"]
    assert (paused["paused_by"], paused["reason"]) == ("olga", "by an operator")
    values = {"account": "main", "inbox": INBOX, "reason": "DISCONNECTED_INBOX", "sender": "anna", "user_id": "7001"}
    await put(web, NOTE_REFUSAL.text, **values, maximum=3)
    after = (await web.get("/api/v1/senders/anna")).json()
    assert (after["paused_by"], after["reason"]) == ("olga", "by an operator")
    await web.post("/api/v1/senders/anna/resume")
    for _ in range(3):
        await put(web, NOTE_REFUSAL.text, **values, maximum=3)
    by_itself = (await web.get("/api/v1/senders/anna")).json()
    assert (by_itself["paused_by"], by_itself["reason"]) == (None, "DISCONNECTED_INBOX")
    assert by_itself["paused_at"] is not None


async def test_an_account_says_what_of_its_budgets_is_used(database_url: str, rules: Path) -> None:
    account = "accounts: {main: {token: pat-made-up, per_10s: 100, daily: 1000, timezone: Europe/Berlin}}\n"
    write(rules, RULES + account)
    async with running(database_url, rules) as web:
        first = (await web.get("/api/v1/accounts/main")).json()
        assert (first["state"], first["windows"], first["held"]) == ("token", [], [])
        assert first["day"] == {"used": 0, "cap": 1000, "ends_at": None}
        await put(
            web,
            """INSERT INTO rate_windows VALUES
                ('main', 'general', 190, 10000, now() + interval '1 minute', 'RATE_LIMIT'),
                ('main', 'search', 5, 1000, now() - interval '1 minute', 'RATE_LIMIT_SECONDLY'),
                ('other', 'general', 190, 10000, NULL, NULL)""",
        )
        await put(
            web,
            """INSERT INTO rate_grants (account, kind, granted_at, count) VALUES
                ('main', 'general', now(), 7), ('main', 'general', now() - interval '1 hour', 50),
                ('main', 'search', now() + interval '1 hour', 2), ('other', 'general', now(), 3)""",
        )
        await put(web, "INSERT INTO rate_days VALUES ('main', now() + interval '1 hour', 412)")
        await put(web, "INSERT INTO hubspot_accounts VALUES ('main', '4567', 'Europe/Berlin', now())")
        await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}})
        await put(web, "UPDATE enrollments SET state = 'held', reason = 'daily_budget'")
        one = (await web.get("/api/v1/accounts/main")).json()
    general, search = one["windows"]
    assert (general["used"], general["allowed"], general["maximum"]) == (7, 95, 190)
    assert (general["blocked_by"], general["blocked_until"] is not None) == ("RATE_LIMIT", True)
    assert (search["used"], search["allowed"], search["blocked_by"], search["blocked_until"]) == (2, 4, None, None)
    assert (one["day"]["used"], one["day"]["cap"]) == (412, 1000)
    assert (one["portal_id"], one["timezone"]) == ("4567", "Europe/Berlin")
    assert one["held"] == [{"reason": "daily_budget", "count": 1}]


async def test_what_is_no_account_of_the_rules_is_not_found(web: Running) -> None:
    assert (await web.get("/api/v1/accounts/none")).status_code == 404
