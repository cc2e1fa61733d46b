"""What became of an event in a few words, for lists and headings: a mark, words, and where they lead. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from app.console.page import ROOT
from app.console.receipts.of_rows import enrollment_of_event, target_of_row
from app.console.states import shown
from app.masking import masked_text
from app.model import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.catalogue.listing_store import Names

WAITS = "not decided yet"
# What a list of events is narrowed to: the word of each verdict. Others are actions, which a rule asks for.
VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        Verdict.ENROLL: "to be enrolled",
        Verdict.NONE: "no matching rule",
        Verdict.DUPLICATE: "the same reason again",
        Verdict.IGNORE: "ignored by a rule",
        Verdict.DROPPED: "cannot be used",
        Verdict.FORGOTTEN: "of a forgotten person",
    }
)

UNDONE: Mapping[str, str] = MappingProxyType(
    {
        Verdict.DUPLICATE: "no: the same reason again",
        Verdict.IGNORE: "ignored by a rule",
        Verdict.DROPPED: "cannot be used",
        Verdict.FORGOTTEN: "the person was forgotten",
    }
)


@dataclass(frozen=True, slots=True)
class Became:
    """What one decision came to: the mark and its words, the rule, and the enrollment's page, None where none is."""

    mark: str
    words: str
    rule: str | None
    url: str | None


def became(decision: Mapping[str, Any], names: Names) -> Became:
    """Return what a decision with its enrollment came to."""
    row = enrollment_of_event(decision)
    if row is None:
        return Became("no", _undone(decision), decision["rule"], None)
    mark, word = shown(row["state"])
    return Became(mark, state_words(row, target_of_row(row, names), word), decision["rule"], _url(row["id"]))


def all_became(decisions: Sequence[Mapping[str, Any]], names: Names) -> tuple[Became, ...]:
    """Return what the decisions that were made last came to; the ones before them were replaced."""
    last = max((one["decided_at"] for one in decisions), default=None)
    return tuple(became(one, names) for one in decisions if one["decided_at"] == last)


def state_words(row: Mapping[str, Any], target: str, word: str) -> str:
    """Return the state of an enrollment with what it is directed at: `enrolled in Demo request, replied`."""
    if row["state"] != State.ENROLLED:
        return f"{word}, {target}"
    after = ", replied" if row["replied_at"] else ", ended" if row["ended"] else ""
    return f"{word} in {target}{after}"


def verdict_choices(actions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what a list of events can be narrowed to: each verdict and its word."""
    others = tuple((name, f"to do: {name}") for name in actions if name not in VERDICTS)
    return (*((str(verdict), word) for verdict, word in VERDICTS.items()), *others)


def _undone(decision: Mapping[str, Any]) -> str:
    verdict = decision["verdict"]
    if verdict != Verdict.NONE:
        return UNDONE.get(verdict, f"to do: {verdict}, of which no more is stored")
    if decision["rule"]:
        return f"no: {masked_text(decision['reason']).rstrip('.')}"
    return "no: no condition was true" if decision["facts"] else "no matching rule"


def _url(id_: str) -> str:
    return f"{ROOT}/enrollments/{id_}"
