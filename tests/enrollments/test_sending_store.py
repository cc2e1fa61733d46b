"""`sending`, committed for many at once: one transaction, each enrollment's own answer, never a place too many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.enrollments.eligibility import Eligibility
from app.enrollments.sending_store import SendingCommits
from app.enrollments.store import EnrollmentStore
from app.errors import DeclinedError, FenceLost, HeldError, SenderGone
from app.model import Baseline, Sender
from app.people.identity import Person
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore
from app.rules.file.documents import Document
from app.rules.load import load
from tests.support.direct import Counting, direct
from tests.support.enrollments import rows, until_a_statement_waits

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Enrollment

ANNA = Sender("anna", "7001", "anna@acme.example")
BEN = Sender("ben", "7002", "ben@acme.example")
UNCAPPED = """version: 1
accounts: {main: {token: t}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
"""
PEOPLE = [f"p{number}@corp.example" for number in range(6)]


class Commits:
    """A worker's store, and how many transactions it took to commit `sending`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.seconds: list[float] = []
        self.store = EnrollmentStore(
            direct(engine), account="main", worker="one", lease=15.0, observe_sending=self.seconds.append
        )

    async def claim(self) -> list[Enrollment]:
        return sorted(await self.store.claim_ready(100), key=lambda enrollment: enrollment.id)

    async def send(
        self, *enrollments: Enrollment, sender: Sender = ANNA, limit: int | None = None
    ) -> list[datetime | BaseException]:
        sending = (self.store.commit_sending(enrollment, sender, limit=limit) for enrollment in enrollments)
        return await asyncio.gather(*sending, return_exceptions=True)


async def test_what_waits_for_an_inbox_is_committed_in_one_transaction(engine: AsyncEngine, accept: Any) -> None:
    await accept(*(f"p{number}@corp.example" for number in range(60)))
    commits = Commits(engine)
    claimed = await commits.claim()
    async with engine.begin() as other:
        await other.execute(text("INSERT INTO inboxes (account, inbox) VALUES ('main', 'anna@acme.example')"))
        first = asyncio.create_task(commits.send(claimed[0]))
        await until_a_statement_waits(engine)
        rest = asyncio.create_task(commits.send(*claimed[1:]))
        await asyncio.sleep(0)
    answers = await first + await rest
    assert all(isinstance(answer, datetime) for answer in answers)
    assert len(commits.seconds) == 2
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(60,)]
    assert await rows(engine, "SELECT count(*) FROM journal WHERE cause = 'sending'") == [(60,)]


async def test_each_of_a_batch_has_an_answer_of_its_own(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    commits = Commits(engine)
    good, lost, late, also_good, paused, full = await commits.claim()
    await rows(engine, f"UPDATE enrollments SET attempt = 7 WHERE id = '{lost.id}'")  # noqa: S608  # ours
    await rows(engine, f"UPDATE enrollments SET expires_at = now() WHERE id = '{late.id}'")  # noqa: S608  # ours
    await rows(
        engine,
        "INSERT INTO sender_pauses (account, inbox, sender, paused_at, reason, refusals) "
        "VALUES ('main', 'ben@acme.example', 'ben', now(), 'by hand', 0)",
    )
    fay = Sender("fay", "7006", "fay@acme.example")
    await rows(engine, "INSERT INTO sender_reservations VALUES ('other', 'main', 'fay@acme.example', now())")
    sent = await asyncio.gather(
        *(commits.store.commit_sending(one, ANNA, limit=None) for one in (good, lost, late, also_good)),
        commits.store.commit_sending(paused, BEN, limit=None),
        commits.store.commit_sending(full, fay, limit=1),
        return_exceptions=True,
    )
    assert len(commits.seconds) == 1
    assert [type(answer) for answer in sent] == [
        datetime,
        FenceLost,
        HeldError,
        datetime,
        SenderGone,
        SenderGone,
    ]
    steps = dict(await rows(engine, "SELECT id, step FROM enrollments"))
    assert [steps[one.id] for one in (good, lost, late, also_good, paused, full)] == [
        "sending",
        "claimed",
        "claimed",
        "sending",
        "claimed",
        "claimed",
    ]
    held = {row[0] for row in await rows(engine, "SELECT enrollment_id FROM sender_reservations")}
    assert held == {good.id, also_good.id, "other"}


@pytest.mark.parametrize("limit", [1, 3, 5])
async def test_a_batch_takes_the_places_that_are_left_and_no_more(engine: AsyncEngine, accept: Any, limit: int) -> None:
    await accept(*PEOPLE)
    commits = Commits(engine)
    first, *others = await commits.claim()
    await commits.send(first, limit=limit)
    answers = await commits.send(*others, limit=limit)
    assert sum(isinstance(answer, datetime) for answer in answers) == limit - 1
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(limit,)]


async def test_senders_of_one_inbox_share_its_places_each_with_its_own_limit(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    commits = Commits(engine)
    claimed = await commits.claim()
    bea = Sender("bea", "7002", "BEN@acme.example")
    answers = await asyncio.gather(
        *(commits.store.commit_sending(one, BEN, limit=2) for one in claimed[:3]),
        *(commits.store.commit_sending(one, bea, limit=4) for one in claimed[3:]),
        return_exceptions=True,
    )
    # The higher limit takes three; the lower one allows no third place then.
    assert [isinstance(answer, datetime) for answer in answers] == [False] * 3 + [True] * 3
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(3,)]


async def test_a_repeated_commit_keeps_its_place_and_is_journalled_once(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE[:2])
    commits = Commits(engine)
    first, second = await commits.claim()
    (sent_at,) = await commits.send(first, limit=1)
    again, refused = await commits.send(first, second, limit=1)
    assert isinstance(sent_at, datetime)
    assert isinstance(again, datetime)
    assert again > sent_at
    assert isinstance(refused, SenderGone)
    assert await rows(engine, "SELECT enrollment_id FROM sender_reservations") == [(first.id,)]
    assert await rows(engine, "SELECT count(*) FROM journal WHERE cause = 'sending'") == [(1,)]
    ((first_sending_at, sending_at),) = await rows(
        engine,
        f"SELECT first_sending_at, sending_at FROM enrollments WHERE id = '{first.id}'",  # noqa: S608  # ours
    )
    assert (first_sending_at, sending_at) == (sent_at, again)


async def test_two_workers_that_commit_for_the_same_inboxes_never_wait_in_a_circle(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept(*(f"p{number}@corp.example" for number in range(40)))
    one, two = Commits(engine), Commits(engine)
    claimed = await one.claim()
    answers = await asyncio.gather(
        *(
            commits.store.commit_sending(enrollment, sender, limit=None)
            for number, enrollment in enumerate(claimed)
            for commits in ((one, two)[number % 2],)
            for sender in ((ANNA, BEN)[number // 2 % 2],)
        )
    )
    assert len(answers) == 40
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(40,)]


async def test_a_lost_connection_answers_all_of_the_batch(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE[:3])
    commits = Commits(engine)
    claimed = await commits.claim()
    async with engine.begin() as other:
        await other.execute(text("INSERT INTO inboxes (account, inbox) VALUES ('main', 'anna@acme.example')"))
        sending = asyncio.create_task(commits.send(*claimed))
        await until_a_statement_waits(engine)
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await other.execute(text(f"{ended} AND datname = current_database()"))
        answers = await sending
    assert all(isinstance(answer, Exception) for answer in answers)
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(0,)]
    assert all(isinstance(answer, datetime) for answer in await commits.send(*claimed))


async def test_one_that_cannot_be_written_as_json_fails_alone(engine: AsyncEngine, accept: Any) -> None:
    await accept(*PEOPLE)
    commits = Commits(engine)
    odd, *others = await commits.claim()
    odd = replace(odd, contact_id="501", baseline=Baseline(0, "half a \ud83d character", None))
    sending = [commits.store.commit_sending(one, ANNA, limit=None, person=Person("501", ("501",))) for one in [odd]]
    sending += [commits.store.commit_sending(one, ANNA, limit=None) for one in others]
    refused, *sent = await asyncio.gather(*sending, return_exceptions=True)
    assert isinstance(refused, TypeError)
    assert [type(answer) for answer in sent] == [datetime] * len(others)


async def test_two_addresses_of_one_contact_that_was_merged_meanwhile_are_not_sent_by_one_commit(
    engine: AsyncEngine, accept: Any
) -> None:
    for person in PEOPLE[:3]:
        await accept(person, intent=f"that of {person}")
    commits = Commits(engine)
    first, second, stranger = await commits.claim()
    persons = [
        Person("501", ("501",), (second.email,)),
        Person("601", ("501", "502", "601"), (first.email,)),
        Person("701", ("701",)),
    ]
    sending = [
        commits.store.commit_sending(replace(one, contact_id=person.contact_id), ANNA, limit=None, person=person)
        for one, person in zip((first, second, stranger), persons, strict=True)
    ]
    sent, held, also_sent = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(answer) for answer in (sent, held, also_sent)] == [datetime, HeldError, datetime]
    assert f"it waits for {first.id} of the same contact" in str(held)
    assert len(commits.seconds) == 1
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(2,)]


RESERVED_ELSEWHERE = (
    "UPDATE inboxes SET inbox = inbox",
    "INSERT INTO sender_reservations VALUES ('other', 'main', 'anna@acme.example', now())",
)


async def test_a_place_that_is_taken_while_a_commit_waits_for_its_inbox_is_gone(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept(*PEOPLE[:2])
    commits = Commits(engine)
    first, second = await commits.claim()
    await commits.send(first, limit=2)
    async with engine.begin() as other:
        for statement in RESERVED_ELSEWHERE:
            await other.execute(text(statement))
        sending = asyncio.create_task(commits.send(second, limit=2))
        await until_a_statement_waits(engine)
    (answer,) = await sending
    assert isinstance(answer, SenderGone)
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(2,)]


async def test_an_inbox_that_is_known_needs_one_statement_which_looks_at_suppressions_too(
    engine: AsyncEngine, accept: Any
) -> None:
    book = load((Document("rules.yaml", UNCAPPED),), environment={}, providers={})
    pool = Counting(engine.url, size=2)
    eligibility = Eligibility(pool, lambda: book)
    sendings = SendingCommits(pool, "main", lambda _: None, eligibility)
    await accept(*PEOPLE[:4])
    first, by_address, by_pattern, good = await Commits(engine).claim()
    await sendings.commit(first, ANNA, limit=None, person=Person("1", ("1",)))
    before = pool.transactions
    for entry in (by_address.email, "*@old.example"):
        await SuppressionStore(engine).add(read(entry), None)
    addresses: list[tuple[str, ...]] = [(), ("p@old.example",), ("p@new.example",)]
    answers = await asyncio.gather(
        *(
            sendings.commit(one, ANNA, limit=None, person=Person(f"{n}", (f"{n}",), others))
            for n, (one, others) in enumerate(zip((by_address, by_pattern, good), addresses, strict=True), start=2)
        ),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [DeclinedError, DeclinedError, datetime]
    assert "the contact that HubSpot found" in str(answers[1])
    assert "the contact that HubSpot found" not in str(answers[0])
    assert before == pool.transactions == 1
    held = {row[0] for row in await rows(engine, "SELECT enrollment_id FROM sender_reservations")}
    assert held == {first.id, good.id}
    await pool.close()
