"""Compile windows: entries of the rules file -> when an enrollment may start, and which clock that follows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from app.model import OF_CONTACT, OF_SENDER, Timing, Window
from app.rules.file.recovery import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import Account
    from app.rules.compile.senders import SenderCompiler
    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.schema import WindowEntry


class WindowCompiler:
    """Compiles windows, and resolves the names by which rules refer to them."""

    def __init__(
        self,
        parts: list[Part],
        diagnostics: Diagnostics,
        senders: SenderCompiler,
        accounts: Mapping[str, Account],
        *,
        complete: bool,
    ) -> None:
        self._diagnostics = diagnostics
        self._accounts = accounts
        self._without_zone = sorted(name for name, sender in senders.senders.items() if sender.timezone is None)
        self._complete = complete and not any({"windows", "senders"} & part.recovered for part in parts)
        found = diagnostics.merged(parts, "windows")
        self._entries = {name: part.file.windows[name] for name, part in found.items()}
        for name, part in found.items():
            self._require_zone(self._entries[name], part, ("windows", name))

    def timing(self, name: str, part: Part, place: Place, *, account: str, by_owner: bool) -> Timing | None:
        """Return the timing by this window, None (noted) where no window has the name.

        `by_owner` says that contacts' owners send: an owner that `senders` does not name has no time zone.
        """
        entry = self._entries.get(name)
        if entry is None:
            if self._complete and name != UNKNOWN:
                self._diagnostics.note(part, place, f"there is no window {part.parsed.written(place)!r} in `windows`")
            return None
        if by_owner and entry.timezone == OF_SENDER and entry.otherwise is None:
            wrong = part.parsed.written(place)
            message = f"window {wrong!r} goes by the sender's clock, and a contact's owner may have none"
            self._diagnostics.note(part, place, f"{message}: write `otherwise: Europe/Berlin` there")
        dates = frozenset(day for day in entry.holidays if isinstance(day, date))
        calendars = tuple(dict.fromkeys(code for code in entry.holidays if isinstance(code, str)))
        window = Window(entry.days, entry.hours[0], entry.hours[1], dates, calendars)
        known = self._accounts.get(account)
        kept = known.contact_timezone if known else Timing(window).contact_property
        return Timing(window, entry.timezone, entry.otherwise, kept, entry.spread)

    def _require_zone(self, entry: WindowEntry, part: Part, place: Place) -> None:
        if entry.otherwise is not None or not self._complete:
            return
        if entry.timezone == OF_CONTACT:
            message = "a contact may have no time zone: write `otherwise: Europe/Berlin`, or what you take it for then"
            self._diagnostics.note(part, place, message)
        elif entry.timezone == OF_SENDER and self._without_zone:
            senders = ", ".join(self._without_zone)
            message = f"it goes by the sender's clock, and {senders} has no `timezone`: write it there"
            self._diagnostics.note(part, place, f"{message}, or `otherwise: Europe/Berlin` here")
