"""Judge what keeps thin events waiting: a tool that refuses the source's token, or does not answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.doctor.findings import Finding, failed, warning
from app.errors import LookupFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.enrichment.store import WaitingLookups

REMEDY = "give the source an `api_token` with the permission that its page in docs/sources names, and reload"


def waiting_lookups(found: Sequence[WaitingLookups]) -> list[Finding]:
    """Return a finding for each source and reason; none where nothing waits after a failure."""
    return [_judged(waiting) for waiting in found]


def _judged(waiting: WaitingLookups) -> Finding:
    number = f"{waiting.events} event{'' if waiting.events == 1 else 's'}"
    message = f"{number} without an address, the oldest of {waiting.since:%Y-%m-%d %H:%M} UTC: {waiting.detail}"
    check = f"lookups of source {waiting.source}"
    if waiting.reason == LookupFailed.TOKEN_REFUSED:
        return failed(check, message, f"{REMEDY}; they are tried again by themselves")
    return warning(check, message, "they are tried again by themselves; look at the tool and the network")
