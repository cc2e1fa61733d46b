"""ASSIGN: what a rule names (a sender, a pool, the contact's owner) -> the sender, with all the reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.errors import BudgetSpent, DeclinedError, HeldError, ParkedError, SenderRefused
from app.hubspot.api.faults import refuses_sender
from app.model import CONTACT_OWNER, OnSenderFull, Sender, Sticky
from app.senders.assignment import Group, Wanted
from app.senders.quota_store import RECHECK_AFTER
from app.senders.reasons import Considered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.errors import Refusal
    from app.hubspot.owners import Owners
    from app.model import Enrollment, Pool
    from app.rules.rulebook import Rulebook
    from app.senders.assignment import Assigned
    from app.senders.store import Assignments

OWNER_PROPERTY = "hubspot_owner_id"
OWNED_BY_SENDER = "sender"


@dataclass(frozen=True, slots=True)
class Senders:
    """Assigns senders for one account, by the rulebook in force: a sender that has left it is not chosen any more."""

    assignments: Assignments
    owners: Owners
    rulebook: Callable[[], Rulebook]
    now: Callable[[], datetime]

    async def assign(self, enrollment: Enrollment, facts: Mapping[str, str | None]) -> Sender:
        """Return the sender; `facts` are the contact's properties, which a plan that names its owner needs.

        After a first request the sender does not change any more. Raises HeldError, DeclinedError or ParkedError where
        no sender can send (now), FenceLost, and what HubSpot's owners raise.
        """
        if enrollment.sender is not None and enrollment.first_sending_at is not None:
            return enrollment.sender
        wanted = await self.wanted(enrollment, facts)
        return self.chosen(wanted, await self.assignments.assign(wanted))

    def chosen(self, wanted: Wanted, assigned: Assigned) -> Sender:
        """Return the sender that was assigned. Raises HeldError, DeclinedError or ParkedError where none can send."""
        if assigned.sender is None:
            raise self._no_sender(wanted.enrollment, assigned, wanted.groups)
        return assigned.sender

    def current_config(self, sender: Sender) -> Sender:
        """Return the sender as the rulebook in force describes it: its cap and its time zone."""
        return self.rulebook().senders.get(sender.name, sender)

    def with_alias(self, sender: Sender) -> Sender:
        """Return the sender with the alias that the rulebook in force gives its inbox; no enrollment stores it."""
        config = self.current_config(sender)
        return replace(sender, alias=config.alias if config.email == sender.email else None)

    def or_another(self, enrollment: Enrollment, refusal: Refusal) -> Refusal:
        """Return the refusal, as SenderRefused where the enrollment's sender is refused and its rule names another."""
        if enrollment.sender is None or not refuses_sender(refusal.code) or not self._names_another(enrollment):
            return refusal
        return SenderRefused(
            refusal.code,
            refusal.detail,
            status=refusal.status,
            correlation_id=refusal.correlation_id,
            retry_after=refusal.retry_after,
        )

    def _names_another(self, enrollment: Enrollment) -> bool:
        """Tell whether the rule names a sender with another inbox than the one that was refused."""
        own = enrollment.sender.email if enrollment.sender else None
        names = [name for name in (enrollment.plan.sender, enrollment.plan.fallback) if name]
        groups = [_named(name, enrollment, self.rulebook(), "") for name in names]
        return any(sender.email != own for group in groups if isinstance(group, Group) for sender, _ in group.members)

    async def owner_of(self, name: str, sender: Sender) -> str:
        """Return the owner id of the sender named `name`; the name `sender` stands for `sender` itself.

        Raises ParkedError where that user is no owner in HubSpot, and what HubSpot's owners raise.
        """
        user = sender if name == OWNED_BY_SENDER else self.rulebook().senders.get(name, sender)
        owner = await self.owners.by_user(user.user_id)
        if owner is None:
            raise ParkedError("no_owner", f"HubSpot has no owner with the user id of {user.name} ({user.user_id})")
        return owner.id

    async def wanted(self, enrollment: Enrollment, facts: Mapping[str, str | None]) -> Wanted:
        """Return the groups to choose from, in their order, and why others that the plan names are unavailable.

        Raises what HubSpot's owners raise, where the plan names the contact's owner.
        """
        plan, rulebook = enrollment.plan, self.rulebook()
        found: list[Group | Considered] = []
        if plan.sender == CONTACT_OWNER:
            found.append(await self._owner(facts.get(OWNER_PROPERTY), rulebook))
        else:
            found.append(_named(plan.sender, enrollment, rulebook, "the rule names it"))
        if plan.fallback is not None:
            found.append(_named(plan.fallback, enrollment, rulebook, "the rule names it as the fallback"))
        groups = [one for one in found if isinstance(one, Group)]
        return Wanted(enrollment, groups, tuple(one for one in found if isinstance(one, Considered)))

    async def _owner(self, owner_id: str | None, rulebook: Rulebook) -> Group | Considered:
        """Return the contact's owner as a group, or why it is unavailable.

        Owner id -> user id -> inbox. The inbox is the one that `senders` names for the user, else the owner's address.
        """
        if not owner_id:
            return Considered(CONTACT_OWNER, chosen=False, because="the contact has no owner")
        owner = await self.owners.by_id(owner_id)
        if owner is None or owner.user_id is None:
            return Considered(CONTACT_OWNER, chosen=False, because=f"owner {owner_id} is deactivated, or not there")
        known = next((sender for sender in rulebook.senders.values() if sender.user_id == owner.user_id), None)
        if known is None and not owner.email:
            return Considered(CONTACT_OWNER, chosen=False, because=f"owner {owner_id} has no address")
        sender = known or Sender(f"owner {owner_id}", owner.user_id, (owner.email or "").lower())
        return Group(((sender, 1),), named="is the contact's owner")

    def _no_sender(self, enrollment: Enrollment, assigned: Assigned, groups: Sequence[Group]) -> Exception:
        reasons = "; ".join(f"{item.sender}: {item.because}" for item in assigned.considered)
        if not groups:
            return ParkedError("no_sender", reasons)
        if assigned.free_at is None:
            return HeldError("sender_paused", self.now() + RECHECK_AFTER, reasons)
        if enrollment.plan.on_sender_full is OnSenderFull.FAIL:
            return DeclinedError("sender_full", reasons)
        return BudgetSpent("quota", assigned.free_at)


def _named(name: str, enrollment: Enrollment, rulebook: Rulebook, because: str) -> Group | Considered:
    """Return the sender or pool of this name, or that it has left the rules. `because` is why it is considered."""
    pool, sender = rulebook.pools.get(name), rulebook.senders.get(name)
    if pool is not None:
        members = tuple((rulebook.senders[member], weight) for member, weight in pool.members)
        return Group(members, pool.name, pool.pick, _subject(pool, enrollment.email, rulebook))
    if sender is None:
        return Considered(name, chosen=False, because="is no sender and no pool of the rules in force")
    return Group(((sender, 1),), named=because)


def _subject(pool: Pool, email: str, rulebook: Rulebook) -> str | None:
    """Return what keeps the pool's choice: the person's address, or the company's domain; None for no stickiness."""
    if pool.sticky is Sticky.COMPANY and not rulebook.lists.is_free_mail(email):
        return email.rpartition("@")[2]
    return None if pool.sticky is Sticky.NONE else email
