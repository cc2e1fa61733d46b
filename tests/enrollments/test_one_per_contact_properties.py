"""Whatever addresses contacts have and whenever they are merged: one request per intent and contact, and none lost."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.database.engine import open_engine
from app.enrollments.outcome import Change
from app.enrollments.store import EnrollmentStore
from app.errors import DeclinedError, HeldError
from app.intake.group_commit import GroupCommit
from app.model import Baseline, Sender, State
from app.people.identity import Person
from tests.support.direct import close_direct, direct

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Enrollment
    from tests.conftest import MakeEntry

ANNA = Sender("anna", "7001", "anna@acme.example")
READY = "UPDATE enrollments SET state = 'ready', due_at = clock_timestamp() WHERE state = 'held'"
ACCOUNTS = itertools.count()
ADDRESSES, CONTACTS = 6, 4


@dataclass
class Portal:
    """The contacts of HubSpot: which contact each address finds, which ids lead to it, and what was requested."""

    of_address: list[int]
    merges: list[tuple[int, int]]
    ids: dict[int, set[str]] = field(default_factory=lambda: {number: {str(number)} for number in range(CONTACTS)})
    requests: list[tuple[str, str]] = field(default_factory=list)

    def person(self, email: str) -> Person:
        contact = self.of_address[int(email[0])]
        addresses = {address(number) for number, one in enumerate(self.of_address) if one == contact}
        return Person(str(contact), tuple(sorted(self.ids[contact])), tuple(sorted(addresses - {email})))

    def merge_one(self) -> None:
        """Merge two contacts into a third one, if there is a merge left to be made."""
        if not self.merges:
            return
        olds, made = set(self.merges.pop()), max(self.ids) + 1
        self.ids[made] = {str(made)}.union(*(self.ids[old] for old in olds))
        self.of_address = [made if contact in olds else contact for contact in self.of_address]

    def request(self, intent: str, person: Person) -> None:
        again = [(one, contact) for one, contact in self.requests if one == intent and contact in person.ids]
        assert again == []
        self.requests.append((intent, person.contact_id))


def address(number: int) -> str:
    return f"{number}@corp.example"


async def attempt(store: EnrollmentStore, portal: Portal, claimed: Enrollment, intent: str) -> None:
    """Take one claimed enrollment as far as it comes."""
    person = portal.person(claimed.email)
    try:
        prepared = replace(claimed, contact_id=person.contact_id, baseline=Baseline(0, None, None))
        await store.commit_sending(prepared, ANNA, limit=None, person=person)
        portal.request(intent, person)
        await store.move(claimed, State.ENROLLED, Change("enrolled"))
    except DeclinedError as error:
        await store.move(claimed, State.REFUSED, Change("refused", error.reason))
    except HeldError as error:
        await store.move(claimed, State.HELD, Change("held", error.reason, due_at=error.until))


async def run(engine: AsyncEngine, store: EnrollmentStore, portal: Portal) -> None:
    """Work until nothing is left; contacts are merged in between."""
    while True:
        async with engine.begin() as connection:
            await connection.execute(text(READY))
            intents = {
                row.id: row.intent for row in await connection.execute(text("SELECT id, intent FROM enrollments"))
            }
        claims = await asyncio.gather(*(store.claim_ready(2) for _ in range(2)))
        claimed = [one for claim in claims for one in claim]
        if not claimed:
            return
        await asyncio.gather(*(attempt(store, portal, one, intents[one.id]) for one in claimed))
        portal.merge_one()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    of_address=st.lists(st.integers(0, CONTACTS - 1), min_size=ADDRESSES, max_size=ADDRESSES),
    merges=st.lists(st.tuples(st.integers(0, CONTACTS - 1), st.integers(0, CONTACTS - 1)), max_size=2),
    events=st.lists(st.tuples(st.integers(0, ADDRESSES - 1), st.sampled_from(["demo", "trial"])), max_size=12),
)
def test_a_contact_is_requested_once_for_each_intent_whatever_the_addresses_that_came(
    database_url: str,
    make_entry: MakeEntry,
    of_address: list[int],
    merges: list[tuple[int, int]],
    events: list[tuple[int, str]],
) -> None:
    account, portal = f"account{next(ACCOUNTS)}", Portal(of_address, merges)

    async def example() -> None:
        engine = open_engine(database_url)
        store = EnrollmentStore(direct(engine), account=account, worker="w", lease=15.0)
        writer = GroupCommit(engine.url)
        writer.start()
        for number, (who, intent) in enumerate(events):
            await writer.accept(make_entry(f"{account} {number}", address(who), account=account, intent=intent))
        await writer.close()
        await run(engine, store, portal)
        await store.close()
        await close_direct(engine)
        await engine.dispose()

    asyncio.run(example())
    wanted = {(intent, who) for who, intent in events}
    for intent, who in wanted:
        ids = portal.ids[portal.of_address[who]]
        assert any(one == intent and contact in ids for one, contact in portal.requests)
