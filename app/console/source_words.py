"""How sources are, in words: healthy, failing, silent or nothing yet, each with what proves it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.needs import failing
from app.console.receipts.delivery import rejection
from app.console.receipts.wording import as_sentence
from app.console.text import ago, exactly, number
from app.enrollments.reasons import as_clause

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.sources.diagnose import Check
    from app.tallies.figures import SourceTally

FAILING, SILENT, NOTHING, HEALTHY = "failing", "silent", "nothing yet", "healthy"
MARKS = {FAILING: "bad", SILENT: "look", NOTHING: "wait", HEALTHY: "ok"}
NAMED = 3  # sources that one sentence names
REASONS = 3  # reasons that one line names
NONE = "The rules in force name no source, so that no tool can send anything."
PASSED = {True: ("ok", "yes"), False: ("bad", "no"), None: ("wait", "remark")}
BODY_CUT, METHOD, SECRET = "body", "method", "secret "


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of a delivery: whether it passed, or a remark. `code` stands below `detail`, where that has one."""

    name: str
    mark: str
    word: str
    detail: str
    code: str


def word_of(tally: SourceTally, *, silent: bool) -> str:
    """Return how a source is."""
    if failing(tally):
        return FAILING
    if silent:
        return SILENT
    return NOTHING if tally.last_at is None else HEALTHY


def why_of(word: str, tally: SourceTally, proof: str) -> str:
    """Return what proves that a source is failing or silent; blank for the others."""
    if word == SILENT:
        return as_sentence(proof)
    if word != FAILING:
        return ""
    reasons = [f"{number(count)} because {rejection(reason).clause}" for reason, count in tally.rejections[:REASONS]]
    return as_sentence("; ".join(reasons))


def all_in_words(words: Sequence[tuple[str, str]], received: int, span: str) -> str:
    """Return the sentence about all sources, from their names and how they are."""
    if not words:
        return NONE
    came = f"{exactly(received, 'delivery', 'deliveries')} in the last {span}"
    named = {word: [name for name, other in words if other == word] for word in MARKS}
    if len(named[HEALTHY]) == len(words):
        all_ = "1 source, and it is" if len(words) == 1 else f"{number(len(words))} sources, all"
        return f"{all_} healthy; {came}."
    parts = [_are(named[word], word) for word in (FAILING, SILENT) if named[word]]
    nothing = f"{'nothing' if parts else 'Nothing'} has come yet from "  # a name keeps its first letter as it is
    parts += [f"{nothing}{_names(named[NOTHING])}"] if named[NOTHING] else []
    parts += [_are(named[HEALTHY], HEALTHY)] if named[HEALTHY] else []
    return f"{'; '.join((*parts, came))}."


def one_in_words(name: str, word: str, tally: SourceTally, proof: str, now: datetime, span: str) -> str:
    """Return the sentence about one source."""
    if word == NOTHING:
        return f"Nothing has come from {name} yet: give its URL to the tool, or send a sample."
    if word == SILENT:
        return f"{name} is silent: {as_clause(proof)}."
    last = f"; the last one was accepted {ago(tally.last_at, now)}" if tally.last_at else ""
    came = exactly(tally.received, "delivery", "deliveries")
    if word == FAILING:
        none = "none was accepted" if not tally.verified else f"{number(tally.verified)} were accepted"
        return f"{name} is failing: {number(tally.rejected)} of {came} in the last {span} rejected, {none}{last}."
    rejected = f"{number(tally.rejected)} of them rejected" if tally.rejected else "none rejected"
    return f"{name} is healthy: {came} in the last {span}, {rejected}{last}."


def checked_of(check: Check) -> Checked:
    """Return a check as it is shown."""
    mark, word = PASSED[check.passed]
    code, detail = _code_of(check)
    # Each secret fails as the proof does, whose code is above it.
    return Checked(check.name, mark, word, detail, "" if check.name.startswith(SECRET) else code)


def today_words(checks: Sequence[Check]) -> str:
    """Return what would become of a kept delivery with today's secrets, and what to do."""
    failed = next((check for check in checks if check.passed is False), None)
    cut = " Only the beginning of its body is kept, so that this is not certain." if checks[0].name == BODY_CUT else ""
    if failed is None:
        return f"With today's secrets it would be accepted: have the tool send it again. It stays rejected here.{cut}"
    reason, _ = _code_of(failed)
    if not reason:
        return f"It would be rejected again: {failed.detail}.{cut}"
    why = rejection(reason)
    return f"With today's secrets it would be rejected again: {why.clause}. {why.do}{cut}".rstrip()


def _code_of(check: Check) -> tuple[str, str]:
    """Return the code of a check that failed, blank where it has none, and what it found in words."""
    code, colon, words = check.detail.partition(": ")
    return (code, words) if colon and check.passed is False and check.name != METHOD else ("", check.detail)


def _are(names: Sequence[str], word: str) -> str:
    return f"{_names(names)} {'is' if len(names) == 1 else 'are'} {word}"


def _names(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return exactly(len(names), "source")
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
