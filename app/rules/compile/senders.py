"""Compile senders and pools: entries of the rules file -> what the rulebook holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import CONTACT_OWNER, Pool, Sender
from app.people.addresses import normalise
from app.rules.file.recovery import UNKNOWN

if TYPE_CHECKING:
    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.schema import PoolEntry, SenderEntry

RESERVED_NAMES = frozenset({CONTACT_OWNER, "keep", "sender"})


class SenderCompiler:
    """Compiles senders and pools, and checks the names by which rules refer to them."""

    def __init__(self, parts: list[Part], diagnostics: Diagnostics, *, complete: bool) -> None:
        self._diagnostics = diagnostics
        # A name that another file defines is not reported as missing while that file cannot be read.
        self._complete = complete and not any({"senders", "pools"} & part.recovered for part in parts)
        found = diagnostics.merged(parts, "senders")
        self.senders = {name: self._sender(name, part.file.senders[name], part) for name, part in found.items()}
        pools = diagnostics.merged(parts, "pools")
        self.pools = {name: self._pool(name, part.file.pools[name], part) for name, part in pools.items()}

    def require_sender_or_pool(self, name: str, part: Part, place: Place, *, owner_allowed: bool) -> None:
        """Note a name that no sender and no pool has; `owner_allowed` accepts the contact's owner, too."""
        if (
            not self._complete
            or name in {UNKNOWN, *self.senders, *self.pools}
            or (owner_allowed and name == CONTACT_OWNER)
        ):
            return
        where = "`senders` or `pools`" if self.pools else "`senders`"
        self._diagnostics.note(part, place, f"there is no sender {part.parsed.written(place)!r} in {where}")

    def require_sender(self, name: str, part: Part, place: Place) -> None:
        """Note a name that no sender has."""
        if self._complete and name not in {UNKNOWN, *self.senders}:
            wrong = part.parsed.written(place)
            message = f"there is no sender {wrong!r} in `senders`; write keep, sender, or one of them"
            self._diagnostics.note(part, place, message)

    def _sender(self, name: str, entry: SenderEntry, part: Part) -> Sender:
        place = ("senders", name)
        self._require_unreserved(name, part, place)
        email = normalise(entry.email)
        if email is None:
            self._diagnostics.note(part, (*place, "email"), "this is no usable e-mail address")
        return Sender(
            name,
            entry.user_id,
            email or entry.email,
            entry.daily,
            entry.timezone,
            self._alias(entry, email, part, place),
        )

    def _alias(self, entry: SenderEntry, email: str | None, part: Part, place: Place) -> str | None:
        if entry.alias is None:
            return None
        alias = normalise(entry.alias)
        if alias is None:
            self._diagnostics.note(part, (*place, "alias"), "this is no usable e-mail address")
        elif alias == email:
            self._diagnostics.note(part, (*place, "alias"), "this is the inbox itself: leave `alias` out")
        return alias

    def _pool(self, name: str, entry: PoolEntry, part: Part) -> Pool:
        place = ("pools", name)
        self._require_unreserved(name, part, place)
        if name in self.senders:
            self._diagnostics.note(part, place, f"a sender is called {name!r}, too", key=True)
        weighted = isinstance(part.parsed.value["pools"][name]["senders"], dict)
        for number, member in enumerate(entry.senders):
            if self._complete and member not in self.senders:
                at = (*place, "senders", member if weighted else number)
                self._diagnostics.note(part, at, f"there is no sender {member!r} in `senders`", key=weighted)
        return Pool(name, entry.pick, tuple(entry.senders.items()), entry.sticky)

    def _require_unreserved(self, name: str, part: Part, place: Place) -> None:
        if name in RESERVED_NAMES:
            self._diagnostics.note(part, place, f"{name!r} means something of its own: choose another name", key=True)
