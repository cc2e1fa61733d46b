"""Senders and pools as the rules name them: entries -> what the rulebook holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import CONTACT_OWNER, Pool, Sender
from app.people.addresses import normalise
from app.rules.file.recovery import UNKNOWN

if TYPE_CHECKING:
    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import PoolEntry, SenderEntry

KEPT_NAMES = frozenset({CONTACT_OWNER, "keep", "sender"})


class People:
    """Who may send. `named` checks what rules say of them."""

    def __init__(self, parts: list[Part], findings: Findings, *, complete: bool) -> None:
        self._findings = findings
        # What another file holds is not missed while that file cannot be read.
        self._whole = complete and not any({"senders", "pools"} & part.mended for part in parts)
        found = findings.merged(parts, "senders")
        self.senders = {name: self._sender(name, part.file.senders[name], part) for name, part in found.items()}
        pools = findings.merged(parts, "pools")
        self.pools = {name: self._pool(name, part.file.pools[name], part) for name, part in pools.items()}

    def named(self, name: str, part: Part, place: Place, *, owner: bool) -> None:
        """Note when nobody is called so; `owner` tells whether the contact's owner is possible here."""
        if not self._whole or name in {UNKNOWN, *self.senders, *self.pools} or (owner and name == CONTACT_OWNER):
            return
        where = "`senders` or `pools`" if self.pools else "`senders`"
        self._findings.note(part, place, f"there is no sender {part.parsed.written(place)!r} in {where}")

    def sender(self, name: str, part: Part, place: Place) -> None:
        """Note when no single sender is called so."""
        if self._whole and name not in {UNKNOWN, *self.senders}:
            told = f"there is no sender {part.parsed.written(place)!r} in `senders`; write keep, sender, or one of them"
            self._findings.note(part, place, told)

    def _sender(self, name: str, entry: SenderEntry, part: Part) -> Sender:
        place = ("senders", name)
        self._require_own_name(name, part, place)
        email = normalise(entry.email)
        if email is None:
            self._findings.note(part, (*place, "email"), "this is no usable e-mail address")
        return Sender(name, entry.user_id, email or entry.email, entry.daily, entry.timezone)

    def _pool(self, name: str, entry: PoolEntry, part: Part) -> Pool:
        place = ("pools", name)
        self._require_own_name(name, part, place)
        if name in self.senders:
            self._findings.note(part, place, f"a sender is called {name!r}, too", key=True)
        weighted = isinstance(part.parsed.value["pools"][name]["senders"], dict)
        for number, member in enumerate(entry.senders):
            if self._whole and member not in self.senders:
                at = (*place, "senders", member if weighted else number)
                self._findings.note(part, at, f"there is no sender {member!r} in `senders`", key=weighted)
        return Pool(name, entry.pick, tuple(entry.senders.items()), entry.sticky)

    def _require_own_name(self, name: str, part: Part, place: Place) -> None:
        if name in KEPT_NAMES:
            self._findings.note(part, place, f"{name!r} means something of its own: choose another name", key=True)
