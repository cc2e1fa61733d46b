"""What an event would come to, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.receipts.wording import as_sentence
from app.console.rule_words import SHORT, file_name
from app.rules.tried import Looked as How

if TYPE_CHECKING:
    from collections.abc import Mapping

# The mark, and the word.
SHOWN = {
    How.MATCHED: ("ok", "matched"),
    How.FALSE: ("no", "not true"),
    How.ERROR: ("look", "error"),
    How.NOT_REACHED: ("wait", "not asked"),
}


@dataclass(frozen=True, slots=True)
class Looked:
    """How one rule looked at the event; `values` are those that its condition read where it does not hold."""

    rule: str
    url: str
    place: str
    mark: str
    word: str
    because: str
    values: str


def looked_of(found: Mapping[str, Any], url: str) -> Looked:
    """Return how a rule looked at an event, as it is shown."""
    mark, word = SHOWN[How(found["looked"])]
    place = f"{file_name(found['file'])}:{found['line']}"
    return Looked(found["rule"], url, place, mark, word, as_sentence(found["because"]), found["detail"])


def tried_words(found: Mapping[str, Any], source: str, kind: str) -> str:
    """Return the sentence about an event that was tried."""
    by = f"By {found['revision'][:SHORT]}"
    if not found["heard"]:
        what = f"events of the type {kind}" if kind else "events without a type"
        return f"{by} no rule listens to {what} from {source}: such an event is counted, and not stored."
    come = "; ".join(one["sentence"] for one in found["decisions"])
    return f"{by} this comes to: {come}. Nothing was written, and nothing is sent."
