"""The rules in words: since when they are in force and whether their examples pass, and what one of them does. Pure."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from app.audit.act import CLI, SYSTEM
from app.console.diff_lines import changed_words, diff_lines
from app.console.text import exactly, moment, number
from app.rules.changed import How, is_reordered
from app.rules.shown import written_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.rules.changed import ChangedRule
    from app.rules.rulebook import Rulebook
    from app.rules.written import WrittenRule

SHORT = 8  # characters of a revision in a sentence
BY = {SYSTEM: "by Segue itself, at a start or a signal", CLI: "by a command"}
STAYS = "What is in force stays in force."


def by_words(name: str | None) -> str:
    """Return who put rules in force, as a sentence names it."""
    return BY.get(name or "", f"by {name.removeprefix('link:')}") if name else ""


def in_force(row: Mapping[str, Any] | None, rules: Sequence[WrittenRule], now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about all rules; `row` is the stored revision, None where it is not stored yet."""
    what = f"{exactly(len(rules), 'rule')}, {examples_words(rules)}"
    if row is None:
        return f"These rules are in force; {what}."
    by = by_words(row["installed_by"])
    put = f", put there {by}" if by else ""
    return f"{row['revision'][:SHORT]} is in force since {moment(row['stored_at'], now, zone)}{put}; {what}."


def examples_words(rules: Sequence[WrittenRule]) -> str:
    """Return how many examples there are, and whether they pass."""
    whole, failing = sum(rule.examples for rule in rules), sum(len(rule.failing) for rule in rules)
    if not whole:
        return "without an example"
    if failing:
        return f"{number(failing)} of {exactly(whole, 'example')} {'fails' if failing == 1 else 'fail'}"
    return f"{exactly(whole, 'example passes', 'examples pass')}"


def examples_of(rule: WrittenRule) -> tuple[str, str]:
    """Return the mark and the words for the examples of one rule."""
    if not rule.examples:
        return "no", "none"
    if rule.failing:
        return "bad", f"{len(rule.failing)} of {rule.examples} {'fails' if len(rule.failing) == 1 else 'fail'}"
    return "ok", f"{rule.examples} pass" if rule.examples > 1 else "1 passes"


def rejected_words(row: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about the last rules that were rejected."""
    found = exactly(len(row["mistakes"]), "finding")
    return (
        f"Rules were rejected {at_words(row['at'], now, zone)}, read {by_words(row['rejected_by'])}: {found}. {STAYS}"
    )


def at_words(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return when something was, as a sentence has it: `at 13:05`, `on Tue 13:05`."""
    words = moment(at, now, zone)
    return f"{'on' if ' ' in words else 'at'} {words}"


def finding(mistake: Mapping[str, Any]) -> str:
    """Return one finding by its place: `rules.yaml:41:9 unknown field event.plann`."""
    return f"{file_name(mistake['file'])}:{mistake['line']}:{mistake['column']} {mistake['message']}"


def would_change(old: Rulebook | None, new: Rulebook, changed: Sequence[ChangedRule]) -> tuple[str, ...]:
    """Return what would change if rules without a mistake were put in force."""
    name = new.revision[:SHORT]
    if old is not None and old.revision == new.revision:
        return (f"Nothing would change: {name} is in force already. Only the variables are read anew.",)
    counts = Counter(one.how for one in changed)
    parts = [f"{exactly(counts[how], 'rule is', 'rules are')} {how}" for how in How if counts[how]]
    rules = ", ".join(parts) or "no rule changes"
    if old is None:
        return (f"{name} would be the first rules that are in force: {rules}.",)
    lines = changed_words(diff_lines(written_differences(old.documents, new.documents)))
    order = ("The order of the rules changes, too: the first one that matches decides.",)
    return (
        f"{name} would take the place of {old.revision[:SHORT]}: {rules}. In all files: {lines}.",
        *(order if is_reordered(old, new) else ()),
    )


def file_name(file: str) -> str:
    """Return the name of a rules file without its folder."""
    return PurePath(file).name


def listens_words(rule: WrittenRule) -> str:
    """Return what a rule listens to."""
    return f"{rule.source}: {', '.join(rule.types)}"


def does_words(rule: WrittenRule, target: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return what a rule does, each of its keys with what stands there; `target` is the name of its sequence.

    What it asks for comes first.
    """
    named = (("sequence", target),) if target else ()
    others = sorted(rule.does.items(), key=lambda item: item[0] != rule.action)
    return (*named, *((name, _value(value)) for name, value in others))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def one_in_words(rule: WrittenRule, received: int, matched: int, enrolled: int, span: str) -> str:
    """Return the sentence about one rule."""
    parts = [f"{rule.id} matched {number(matched)} of {exactly(received, 'event')} in the last {span}"]
    if rule.action != "ignore":
        parts.append(f"{number(enrolled)} of these {'is' if enrolled == 1 else 'are'} enrolled")
    return f"{'; '.join((*parts, _its_examples(rule)))}."


def _its_examples(rule: WrittenRule) -> str:
    if not rule.examples:
        return "it has no example"
    if rule.failing:
        fail = "fails" if len(rule.failing) == 1 else "fail"
        return f"{len(rule.failing)} of its {exactly(rule.examples, 'example')} {fail}"
    return f"its {rule.examples} examples pass" if rule.examples > 1 else "its example passes"
