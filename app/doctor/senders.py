"""The senders: is each user id valid, is its owner active, has it a seat, and is its inbox the owner's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, because
from app.doctor.findings import failed, ok, unknown, warning
from app.errors import SegueError
from app.people.addresses import listed_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.hubspot.api.sequences import Owner
    from app.model import Sender

# `sales-pro` was seen live. The other names are unknown, so this looks for the hub and the edition.
SENDING_HUBS = ("sales", "service")
SENDING_EDITIONS = ("pro", "enterprise")


def sender(one: Sender, facts: Facts) -> Iterator[Finding]:
    """Judge one sender."""
    yield _user_id(one, facts)
    yield _seat(one, facts)
    yield _inbox(one, facts)


def owner_of(one: Sender, facts: Facts) -> Owner | None:
    """Return the active owner that is this sender."""
    owners = () if isinstance(facts.owners, SegueError) else facts.owners
    return next((owner for owner in owners if owner.user_id == one.user_id), None)


def _user_id(one: Sender, facts: Facts) -> Finding:
    check = f"sender {one.name}: user id"
    if isinstance(facts.owners, SegueError):
        return unknown(check, f"the owners cannot be read: {because(facts.owners)}")
    mine = owner_of(one, facts)
    if mine is not None:
        return ok(check, f"{one.user_id} is the user id of {shown(mine)}, owner {mine.id}")
    mistaken = next((owner for owner in facts.owners if owner.id == one.user_id), None)
    if mistaken is not None:
        message = f"{one.user_id} is the owner id of {shown(mistaken)}, and sequences are sent by user id"
        return failed(check, message, _write(mistaken))
    return _no_owner(one, facts)


def _write(owner: Owner) -> str:
    return f'write user_id: "{owner.user_id}"' if owner.user_id else "that owner is deactivated: name somebody else"


def _no_owner(one: Sender, facts: Facts) -> Finding:
    check, owners = f"sender {one.name}: user id", () if isinstance(facts.owners, SegueError) else facts.owners
    if any(one.user_id == owner.past_user_id for owner in (*owners, *facts.gone)):
        return failed(check, f"the owner with user id {one.user_id} is deactivated", "name somebody else")
    if not isinstance(facts.users, SegueError) and any(user.id == one.user_id for user in facts.users):
        message = f"{one.user_id} is a user without an owner: contacts cannot be given to it"
        return warning(check, message, "look at this user in HubSpot")
    return failed(check, f"nobody in HubSpot has the user id {one.user_id}", "segue hubspot owners lists all user ids")


def _seat(one: Sender, facts: Facts) -> Finding:
    check = f"sender {one.name}: seat"
    if isinstance(facts.users, SegueError):
        lacks = getattr(facts.users, "code", "") == MISSING_SCOPES
        do = "give the token settings.users.read to have it looked at" if lacks else ""
        return unknown(check, f"seats cannot be read: {because(facts.users)}", do)
    seats = next((user.seats for user in facts.users if user.id == one.user_id), None)
    if seats is None:
        return unknown(check, "HubSpot names no seats of this user")
    if any(_sends(seat.lower()) for seat in seats):
        return ok(check, ", ".join(seats))
    do = "assign a Sales Hub or Service Hub seat, Professional or Enterprise"
    if seats:
        return unknown(check, f"whether its seats ({', '.join(seats)}) may send sequences is not known", f"or {do}")
    return failed(check, "it has none", do)


def _sends(seat: str) -> bool:
    return seat.startswith(SENDING_HUBS) and any(edition in seat for edition in SENDING_EDITIONS)


def _inbox(one: Sender, facts: Facts) -> Finding:
    check = f"sender {one.name}: inbox"
    mine = owner_of(one, facts)
    if mine is None or not mine.email:
        return unknown(check, "there is no owner's address to compare it with")
    if listed_address(mine.email) != listed_address(one.email):
        message = f"{one.email} is not the owner's address, {mine.email}"
        return warning(check, message, "see that it is an inbox which this user has connected")
    alias = f", and whether {one.alias} is an alias of it" if one.alias else ""
    message = f"it is the owner's address; whether it is connected{alias} cannot be known: HubSpot does not tell"
    return unknown(check, message, "see it in HubSpot, or look at `segue hubspot senders` for what was refused")


def shown(owner: Owner) -> str:
    """Return an owner for people: name, else address, else owner id."""
    return owner.name or owner.email or f"owner {owner.id}"
