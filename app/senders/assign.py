"""ASSIGN: from what a rule names (a sender, a pool, the contact's owner) to the one who sends, with all the reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from app.errors import BudgetSpent, DeclinedError, HeldError, ParkedError
from app.model import CONTACT_OWNER, OnSenderFull, Sender, Sticky
from app.people.addresses import FREE_MAIL
from app.senders.choose import Considered
from app.senders.store import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.model import Enrollment, Pool
    from app.rules.rulebook import Rulebook
    from app.senders.store import Assigned

OWNER_PROPERTY = "hubspot_owner_id"
OWNED_BY_SENDER = "sender"
LOOK_AGAIN = timedelta(hours=1)


class Owner(Protocol):
    """Who a contact belongs to."""

    @property
    def id(self) -> str:
        """What contacts are assigned to."""

    @property
    def user_id(self) -> str | None:
        """As which user the owner sends, None for one who was deactivated."""

    @property
    def email(self) -> str | None:
        """The owner's address."""


class Owners(Protocol):
    """HubSpot's owners."""

    async def by_id(self, identity: str) -> Owner | None:
        """Return the owner with this owner id."""

    async def by_user(self, user_id: str) -> Owner | None:
        """Return the owner that is this user."""


class Books(Protocol):
    """Where the choice is made and kept."""

    async def assign(self, enrollment: Enrollment, groups: Sequence[Group], before: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has somebody. Raises FenceLost."""


class Senders:
    """Assigns senders for one account, by the rulebook in force: who left it is not chosen any more."""

    def __init__(
        self, books: Books, owners: Owners, *, rulebook: Callable[[], Rulebook], now: Callable[[], datetime]
    ) -> None:
        self._books = books
        self._owners = owners
        self._rulebook = rulebook
        self._now = now

    async def assign(self, enrollment: Enrollment, facts: Mapping[str, str | None]) -> Sender:
        """Return who sends; `facts` are the contact's, where its owner is asked for.

        Whoever sent a request once is not exchanged any more. Raises HeldError, DeclinedError or ParkedError where
        nobody can send (now), FenceLost, and what HubSpot's owners raise.
        """
        if enrollment.sender is not None and enrollment.first_sending_at is not None:
            return enrollment.sender
        groups, before = await self._groups(enrollment, facts)
        assigned = await self._books.assign(enrollment, groups, before)
        if assigned.sender is None:
            raise self._nobody(enrollment, assigned, groups)
        return assigned.sender

    def current_config(self, sender: Sender) -> Sender:
        """Return the sender as the rules in force describe it: its cap and its time zone."""
        return self._rulebook().senders.get(sender.name, sender)

    async def owner_of(self, name: str, sender: Sender) -> str:
        """Return the owner id of the named sender, or (`sender`) of the one who sends.

        Raises ParkedError where that user owns nothing in HubSpot, and what HubSpot's owners raise.
        """
        user = sender if name == OWNED_BY_SENDER else self._rulebook().senders.get(name, sender)
        owner = await self._owners.by_user(user.user_id)
        if owner is None:
            raise ParkedError("no_owner", f"HubSpot has no owner with the user id of {user.name} ({user.user_id})")
        return owner.id

    async def _groups(
        self, enrollment: Enrollment, facts: Mapping[str, str | None]
    ) -> tuple[list[Group], tuple[Considered, ...]]:
        """Return who is asked, one after the other, and what is to be said of whom nobody can ask."""
        plan, book = enrollment.plan, self._rulebook()
        found: list[Group | Considered] = []
        if plan.sender == CONTACT_OWNER:
            found.append(await self._owner(facts.get(OWNER_PROPERTY), book))
        else:
            found.append(_named(plan.sender, enrollment, book, "the rule names it"))
        if plan.fallback is not None:
            found.append(_named(plan.fallback, enrollment, book, "the rule names it as the fallback"))
        groups = [one for one in found if isinstance(one, Group)]
        return groups, tuple(one for one in found if isinstance(one, Considered))

    async def _owner(self, identity: str | None, book: Rulebook) -> Group | Considered:
        """Return the contact's owner as the one who is asked, or why it cannot be.

        Owner id -> user id -> inbox. The inbox is the one that `senders` names for the user, else the owner's address.
        """
        if not identity:
            return Considered(CONTACT_OWNER, chosen=False, because="the contact has no owner")
        owner = await self._owners.by_id(identity)
        if owner is None or owner.user_id is None:
            return Considered(CONTACT_OWNER, chosen=False, because=f"owner {identity} is deactivated, or not there")
        known = next((sender for sender in book.senders.values() if sender.user_id == owner.user_id), None)
        if known is None and not owner.email:
            return Considered(CONTACT_OWNER, chosen=False, because=f"owner {identity} has no address")
        sender = known or Sender(f"owner {identity}", owner.user_id, (owner.email or "").lower())
        return Group(((sender, 1),), named="is the contact's owner")

    def _nobody(self, enrollment: Enrollment, assigned: Assigned, groups: list[Group]) -> Exception:
        told = "; ".join(f"{item.sender}: {item.because}" for item in assigned.considered)
        if not groups:
            return ParkedError("no_sender", told)
        if assigned.free_at is None:
            return HeldError("sender_paused", self._now() + LOOK_AGAIN, told)
        if enrollment.plan.on_sender_full is OnSenderFull.FAIL:
            return DeclinedError("sender_full", told)
        return BudgetSpent("quota", assigned.free_at)


def _named(name: str, enrollment: Enrollment, book: Rulebook, because: str) -> Group | Considered:
    """Return the sender or pool of this name, or that it left the rules. A single sender is taken `because` of that."""
    pool, sender = book.pools.get(name), book.senders.get(name)
    if pool is not None:
        members = tuple((book.senders[member], weight) for member, weight in pool.members)
        return Group(members, pool.name, pool.pick, _subject(pool, enrollment.email))
    if sender is None:
        return Considered(name, chosen=False, because="is no sender and no pool of the rules in force")
    return Group(((sender, 1),), named=because)


def _subject(pool: Pool, email: str) -> str | None:
    """Return who stays with the pool's choice: the person, or everybody at the company."""
    domain = email.rpartition("@")[2]
    if pool.sticky is Sticky.COMPANY and domain not in FREE_MAIL:
        return domain
    return None if pool.sticky is Sticky.NONE else email
