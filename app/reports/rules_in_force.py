"""The rules in force as operators read them, and what an event would come to by them. No variable's value is shown."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from app.errors import Busy
from app.rules.examples import NO_NAMES, described, run_examples, target_of
from app.rules.tried import tried
from app.rules.without_values import without_values
from app.rules.written import written_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.model import Decision, Event
    from app.rules.rulebook import Rulebook
    from app.rules.written import WrittenRule


@dataclass(slots=True)
class RulesInForce:
    """Reads the rules in force of this process. `values` returns what the variables of a rulebook hold, by `${NAME}`.

    The list of one rulebook is made once: its examples are run for it.
    """

    rulebook: Callable[[], Rulebook | None]
    values: Callable[[Rulebook], Mapping[str, str]]
    _listed: tuple[Rulebook, tuple[WrittenRule, ...]] | None = None

    def book(self) -> Rulebook:
        """Return the rulebook in force. Raises Busy before there is one."""
        if (book := self.rulebook()) is None:
            raise Busy("no_rulebook", "no rulebook is loaded yet")
        return book

    async def rules(self, book: Rulebook) -> tuple[WrittenRule, ...]:
        """Return the rules of the rulebook in force, each with the number of its examples and those that fail."""
        if self._listed is None or self._listed[0] is not book:
            self._listed = book, await asyncio.to_thread(self._list, book)
        return self._listed[1]

    def _list(self, book: Rulebook) -> tuple[WrittenRule, ...]:
        values = self.values(book)
        outcomes = run_examples(book)
        shown = [replace(one, difference=without_values(one.difference, values)) for one in outcomes]
        return written_rules(book, shown)

    def try_event(self, event: Event, book: Rulebook, names: Mapping[str, str] = NO_NAMES) -> dict[str, Any]:
        """Return, as JSON, what an event would come to, and how each rule that listens to it looked at it.

        `names` are those of the rules' targets, by the rule's id.
        """
        found = tried(event, book)
        shown = {
            "revision": book.revision,
            "heard": found.heard,
            "decisions": [_decision(decision, names) for decision in found.decisions],
            "rules": [asdict(rule) for rule in found.rules],
        }
        hidden: dict[str, Any] = without_values(shown, self.values(book))
        return hidden


def _decision(decision: Decision, names: Mapping[str, str]) -> dict[str, Any]:
    request = decision.enroll
    return {
        "verdict": str(decision.verdict),
        "reason": decision.reason,
        "sentence": described(decision, names),
        "rule": decision.rule,
        "line": decision.line,
        "account": request.account if request else None,
        "target": target_of(decision) or None,
        "sender": (request.plan.sender or None) if request else None,
        "intent": request.intent.name if request else None,
        "properties": dict(request.properties) if request else {},
    }
