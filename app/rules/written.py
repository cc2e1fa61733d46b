"""Rules as they are written, with `${NAME}` in place of each variable's value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.rules.actions import ACTIONS
from app.rules.file.parsed import Parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.rules.examples import Outcome
    from app.rules.file.documents import Document
    from app.rules.rulebook import Rule, Rulebook

# What a rule listens to, and how it is looked at: all other keys say what it does.
_HEAD = frozenset({"id", "description", "source", "type", "account", "when", "continue", "on_error", "examples"})


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """One rule in force, for people.

    `action` is the name of what it does, and `does` has its keys as they stand in the file. `goes_on`: later rules are
    looked at, too. `stops_on_error`: no later rule is looked at where its condition cannot be evaluated. `failing` are
    those of its `examples` that do not come to what they expect.
    """

    id: str
    file: str
    line: int
    description: str | None
    source: str
    types: tuple[str, ...]
    account: str | None
    when: str | None
    action: str
    does: Mapping[str, Any]
    goes_on: bool
    stops_on_error: bool
    examples: int
    failing: tuple[Outcome, ...]


class _AsWritten(dict[str, str]):
    """An environment in which the value of each variable is its name, as the file has it."""

    def __missing__(self, name: str) -> str:
        return f"${{{name}}}"


def written_rules(book: Rulebook, outcomes: Iterable[Outcome]) -> tuple[WrittenRule, ...]:
    """Return the rules of a rulebook in their order, with the outcomes of their examples."""
    entries = _entries(book.documents)
    failing: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.difference:
            failing.setdefault(outcome.rule, []).append(outcome)
    return tuple(
        _written(rule, entries.get((rule.file, rule.line), {}), failing.get(rule.id, ())) for rule in book.rules
    )


def _written(rule: Rule, entry: Mapping[str, Any], failing: Sequence[Outcome]) -> WrittenRule:
    description, account = entry.get("description"), entry.get("account")
    return WrittenRule(
        id=rule.id,
        file=rule.file,
        line=rule.line,
        description=None if description is None else str(description),
        source=rule.source,
        types=rule.types,
        account=None if account is None else str(account),
        when=rule.when.text if rule.when is not None else None,
        action=next((name for name in ACTIONS if entry.get(name)), ""),
        does={name: value for name, value in entry.items() if name not in _HEAD},
        goes_on=rule.goes_on,
        stops_on_error=rule.stops_on_error,
        examples=len(rule.examples),
        failing=tuple(failing),
    )


def _entries(documents: Iterable[Document]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Return each rule as it is written, by its file and the line where it begins."""
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for document in documents:
        parsed = Parsed(document, _AsWritten())
        for number, entry in enumerate(parsed.value.get("rules") or ()):
            found[document.file, parsed.line(("rules", number))] = entry
    return found
