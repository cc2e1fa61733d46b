"""Rejected deliveries for operators: why each was rejected, and whether it would be accepted today. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sources import PROVIDERS
from app.sources.diagnose import Check, diagnose

if TYPE_CHECKING:
    from app.intake.rejected_store import StoredDelivery
    from app.rules.rulebook import Rulebook

CUT = "only its beginning is kept: what covers the body cannot be checked again"


def checked_again(stored: StoredDelivery, book: Rulebook, *, maximum: int) -> list[Check] | None:
    """Return the checks of a stored delivery by the secrets of today, at the time of its arrival.

    None where the rules have its source no more. `maximum` is the most bytes that a packed body may become. Nothing is
    accepted.
    """
    name = stored.delivery.source
    if (config := book.sources.get(name)) is None:
        return None
    others = {other: source for other, source in book.sources.items() if other != name}
    provider = PROVIDERS[config.provider]
    checks = diagnose(stored.delivery, config, others, provider, reason=stored.reason, maximum=maximum)
    return [Check("body", passed=None, detail=CUT), *checks] if stored.cut else checks


def passes(checks: list[Check]) -> bool:
    """Return whether a delivery with these checks would be accepted."""
    return all(check.passed is not False for check in checks)
