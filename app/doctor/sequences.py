"""The sequences that rules name, as each user that may send them sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, because
from app.doctor.findings import failed, ok, unknown, warning
from app.errors import Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.doctor.requirements import Use, Wanted
    from app.hubspot.api.sequences import Sequence
    from app.model import Sender

NOT_FOUND = 404
BAD_REQUEST = 400  # the answer to an invalid user id
OF_A_USER = frozenset({BAD_REQUEST, 403})
SHARE = "share it with everyone in HubSpot, or let somebody else send it"


@dataclass(frozen=True, slots=True)
class _Views:
    """The senders that see a sequence, those that HubSpot says do not, and those for which it is unknown, with why."""

    seen: dict[str, Sequence]
    hidden: list[str]
    unasked: dict[str, SegueError]

    def without(self, refused: Container[str]) -> _Views:
        """Return the views without those of the senders `refused`."""
        return _Views(self.seen, self.hidden, {who: why for who, why in self.unasked.items() if who not in refused})


def sequence(use: Use, wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge one sequence: does it exist, and does every sender that may send it see it.

    A sender whose own request HubSpot refuses has a finding of its own where others see the sequence.
    """
    check = f"sequence {use.sequence}"
    all_views, needed = _views(use, wanted.senders, facts), _views(use, use.senders, facts)
    views = all_views if use.by_owners else needed
    refused = {who: error for who, error in views.unasked.items() if views.seen and _of_the_sender(error)}
    yield _judged(check, use, all_views.without(refused), needed.without(refused))
    for who, error in refused.items():
        do = f"look at sender {who} first"
        yield unknown(f"{check}: {who}", f"whether {who} may see it cannot be known: {because(error)}", do)


def _of_the_sender(error: SegueError) -> bool:
    """Tell whether HubSpot refused the request of this user, and not the token's."""
    return isinstance(error, Refusal) and error.status in OF_A_USER and error.code != MISSING_SCOPES


def _judged(check: str, use: Use, all_views: _Views, needed: _Views) -> Finding:
    name = next((f"{one.name!r}" for one in all_views.seen.values()), "it")
    if needed.hidden and all_views.seen:
        message = f"{name} is not shown to {_names(needed.hidden)}, {_names(all_views.seen)} may see it"
        return failed(check, message, SHARE)
    if needed.hidden:
        message = (
            f"it is hidden from those who may send it ({_names(needed.hidden)}): it does not exist, or it is private"
        )
        return failed(check, message, f"mend rule {', '.join(use.rules)}; segue hubspot sequences lists what there is")
    # What HubSpot refused is reported before what could not be read.
    for who, error in {**needed.unasked, **(all_views.unasked if use.by_owners else {})}.items():
        do = f"look at sender {who} first" if getattr(error, "status", None) == BAD_REQUEST else ""
        return unknown(check, f"whether {who} may see it cannot be known: {because(error)}", do)
    return _by_owners(check, name, use, all_views) if use.by_owners else ok(check, f"{name}: {_names(needed.seen)}")


def _by_owners(check: str, name: str, use: Use, views: _Views) -> Finding:
    """Judge a sequence that the contact's owner sends: the configured senders represent all owners."""
    if views.hidden:
        message = f"{name} is sent by the contact's owner, and {_names(views.hidden)} cannot see it"
        return warning(check, message, SHARE)
    if not views.seen:
        message = "it is sent by the contact's owner, and there is no sender to look for it with"
        return unknown(check, message, f"segue hubspot sequences --user ID shows it for rule {', '.join(use.rules)}")
    return ok(check, f"{name}: the contact's owner; {_names(views.seen)} may see it")


def _views(use: Use, senders: Iterable[Sender], facts: Facts) -> _Views:
    views = _Views({}, [], {})
    for one in senders:
        read = facts.seen.get((one.user_id, use.sequence))
        # HubSpot says that this user has no such sequence.
        if isinstance(read, Refusal) and (read.status == NOT_FOUND or read.code == "SEQUENCE_ID_INVALID"):
            views.hidden.append(one.name)
        elif isinstance(read, SegueError):
            views.unasked[one.name] = read
        elif read is not None:
            views.seen[one.name] = read
    return views


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
