"""How a person stands, in sentences: nothing stored, suppressed, forgotten, what waits, how often enrolled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.clock import in_words
from app.console.receipts.enrollment import Receipt

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from app.console.receipts.wording import Clock
    from app.people.suppression import Suppression

NOTHING = "Nothing is stored about {name}: no event of any source named this address as long as events are kept."
TRY = "Look whether the tool sends another address, and try the event in the rules."
KINDS = {"address": "the address itself", "domain": "the domain of the address", "pattern": "a pattern that fits it"}


def nothing_stored(name: str) -> Receipt:
    """Return the receipt of an address about which nothing is stored."""
    return Receipt((NOTHING.replace("{name}", name),), TRY)


def suppressed(name: str, entry: Suppression, *, by_rules: bool = False) -> str:
    """Return that a person is never enrolled, and by which entry: an address is not repeated."""
    where = "the rules have" if by_rules else "the suppression list has"
    shown = "" if entry.kind == "address" else f", {entry.value}"
    return f"{name} is never enrolled: {where} {KINDS[entry.kind]}{shown}."


def forgotten(at: datetime | None, clock: Clock) -> Receipt:
    """Return the receipt of a person who was forgotten."""
    when = f" {clock.moment(at)}" if at else ""
    return Receipt(
        (
            f"The person of this address was forgotten on request{when}.",
            "What was stored is erased, and the person is not enrolled again.",
        )
    )


def written_to(count: int, most: int | None, period: timedelta) -> str:
    """Return how often the person was enrolled in the period of the account's cap."""
    return f"{count} of {most} in {in_words(period)}" if most is not None else f"{count} in {in_words(period)}"
