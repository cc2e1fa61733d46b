"""What rules show of themselves, without HubSpot: what is probably a mistake, and fields that no sample has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.clock import utc_now
from app.rules.lint import lint
from app.rules.sample_notes import Known, sample_notes
from app.rules.thin_events import without_token
from app.sources import PROVIDERS
from app.sources.sample_events import sample_events

if TYPE_CHECKING:
    from app.errors import Mistake
    from app.rules.rulebook import Rulebook


def rule_findings(book: Rulebook) -> list[Mistake]:
    """Return warnings and notes on the rules."""
    return [*lint(book), *without_token(book, PROVIDERS), *sample_notes(book, _known)]


def _known(provider: str) -> Known:
    return Known.of(sample_events(PROVIDERS[provider], utc_now()))
