"""The sequences that rules name, as each user who may send them sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.doctor.facts import because
from app.doctor.findings import failed, ok, unknown, warning
from app.errors import Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.doctor.requirements import Use, Wanted
    from app.hubspot.api.sequences import Sequence
    from app.model import Sender

NOT_FOUND = 404
BAD_REQUEST = 400  # what a user id that is none is answered with
SHARE = "share it with everyone in HubSpot, or let somebody else send it"


@dataclass(frozen=True, slots=True)
class _Views:
    """Who sees a sequence, who does not by HubSpot's word, and whom nobody could ask about, with why."""

    seen: dict[str, Sequence]
    hidden: list[str]
    unasked: dict[str, SegueError]


def sequence(use: Use, wanted: Wanted, facts: Facts) -> Finding:
    """Judge one sequence: does it exist, and is it there for everybody who may send it."""
    check = f"sequence {use.sequence}"
    everybody, needed = _views(use, wanted.senders, facts), _views(use, use.senders, facts)
    name = next((f"{one.name!r}" for one in everybody.seen.values()), "it")
    if needed.hidden and everybody.seen:
        told = f"{name} is not shown to {_names(needed.hidden)}, {_names(everybody.seen)} may see it"
        return failed(check, told, SHARE)
    if needed.hidden:
        told = f"it is shown to nobody who may send it ({_names(needed.hidden)}): it does not exist, or it is private"
        return failed(check, told, f"mend rule {', '.join(use.rules)}; segue hubspot sequences lists what there is")
    # A no of HubSpot's is told before what nobody could ask about.
    for who, error in {**needed.unasked, **(everybody.unasked if use.by_owners else {})}.items():
        do = f"look at sender {who} first" if getattr(error, "status", None) == BAD_REQUEST else ""
        return unknown(check, f"whether {who} may see it is not known: {because(error)}", do)
    return _by_owners(check, name, use, everybody) if use.by_owners else ok(check, f"{name}: {_names(needed.seen)}")


def _by_owners(check: str, name: str, use: Use, views: _Views) -> Finding:
    """Judge one that the contact's owner sends, whoever that is: those who are configured stand for all."""
    if views.hidden:
        told = f"{name} is sent by the contact's owner, and {_names(views.hidden)} cannot see it"
        return warning(check, told, SHARE)
    if not views.seen:
        told = "it is sent by the contact's owner, and there is no sender to look for it with"
        return unknown(check, told, f"segue hubspot sequences --user ID shows it for rule {', '.join(use.rules)}")
    return ok(check, f"{name}: the contact's owner; {_names(views.seen)} may see it")


def _views(use: Use, senders: Iterable[Sender], facts: Facts) -> _Views:
    views = _Views({}, [], {})
    for one in senders:
        read = facts.seen.get((one.user_id, use.sequence))
        if isinstance(read, Refusal) and not_there(read):
            views.hidden.append(one.name)
        elif isinstance(read, SegueError):
            views.unasked[one.name] = read
        elif read is not None:
            views.seen[one.name] = read
    return views


def not_there(error: SegueError) -> bool:
    """Tell whether HubSpot says that this user has no such sequence."""
    return isinstance(error, Refusal) and (error.status == NOT_FOUND or error.code == "SEQUENCE_ID_INVALID")


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
