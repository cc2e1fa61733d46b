"""What differs between the rules of two rulebooks, rule by rule. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app.rules.rule_text import texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.rulebook import Rule, Rulebook


class How(StrEnum):
    """What became of a rule."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ChangedRule:
    """One rule that differs: where it stands in the newer rules, or stood in the older ones where it is removed."""

    id: str
    how: How
    file: str
    line: int


def changed_rules(old: Rulebook | None, new: Rulebook) -> tuple[ChangedRule, ...]:
    """Return the rules that differ, in the order of the newer rules, and then those that are gone.

    A rule has changed where its text has, with its examples and what is remarked in it.
    """
    before, after = _written(old) if old else {}, _written(new)
    came = [
        ChangedRule(id_, How.CHANGED if id_ in before else How.ADDED, rule.file, rule.line)
        for id_, (rule, text) in after.items()
        if id_ not in before or before[id_][1] != text
    ]
    gone = [
        ChangedRule(id_, How.REMOVED, rule.file, rule.line) for id_, (rule, _) in before.items() if id_ not in after
    ]
    return (*came, *gone)


def is_reordered(old: Rulebook, new: Rulebook) -> bool:
    """Return whether rules that both rulebooks have stand in another order: the first one that matches decides."""
    before, after = ([rule.id for rule in book.rules] for book in (old, new))
    common = {*before} & {*after}
    return [one for one in before if one in common] != [one for one in after if one in common]


def _written(book: Rulebook) -> Mapping[str, tuple[Rule, str]]:
    """Return the rules by their ids, each with its text."""
    texts = {document.file: texts_of(document) for document in book.documents}
    return {rule.id: (rule, texts[rule.file].get(rule.line, "")) for rule in book.rules}
