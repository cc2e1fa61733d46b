"""Windows as the rules name them -> when an enrollment may start, and by whose clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import OF_CONTACT, OF_SENDER, Timing, Window
from app.rules.file.recovery import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import Account
    from app.rules.compile.senders import People
    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import WindowEntry


class Timings:
    """The windows of one load."""

    def __init__(
        self,
        parts: list[Part],
        findings: Findings,
        people: People,
        accounts: Mapping[str, Account],
        *,
        complete: bool,
    ) -> None:
        self._findings = findings
        self._accounts = accounts
        self._without_zone = sorted(name for name, sender in people.senders.items() if sender.timezone is None)
        self._whole = complete and not any({"windows", "senders"} & part.mended for part in parts)
        found = findings.merged(parts, "windows")
        self._entries = {name: part.file.windows[name] for name, part in found.items()}
        for name, part in found.items():
            self._require_zone(self._entries[name], part, ("windows", name))

    def named(self, name: str, part: Part, place: Place, *, account: str, by_owner: bool) -> Timing | None:
        """Return the timing that a rule means, None (noted) where no window is called so.

        `by_owner` says that contacts' owners send, who have no time zone where `senders` does not name them.
        """
        entry = self._entries.get(name)
        if entry is None:
            if self._whole and name != UNKNOWN:
                self._findings.note(part, place, f"there is no window {part.parsed.written(place)!r} in `windows`")
            return None
        if by_owner and entry.timezone == OF_SENDER and entry.otherwise is None:
            told = (
                f"window {part.parsed.written(place)!r} goes by the sender's clock, and a contact's owner may have none"
            )
            self._findings.note(part, place, f"{told}: write `otherwise: Europe/Berlin` there")
        window = Window(entry.days, entry.hours[0], entry.hours[1], entry.holidays)
        known = self._accounts.get(account)
        kept = known.contact_timezone if known else Timing(window).contact_property
        return Timing(window, entry.timezone, entry.otherwise, kept, entry.spread)

    def _require_zone(self, entry: WindowEntry, part: Part, place: Place) -> None:
        if entry.otherwise is not None or not self._whole:
            return
        if entry.timezone == OF_CONTACT:
            told = "a contact may have no time zone: write `otherwise: Europe/Berlin`, or what you take it for then"
            self._findings.note(part, place, told)
        elif entry.timezone == OF_SENDER and self._without_zone:
            told = (
                f"it goes by the sender's clock, and {', '.join(self._without_zone)} has no `timezone`: write it there"
            )
            self._findings.note(part, place, f"{told}, or `otherwise: Europe/Berlin` here")
