"""Run the examples in the rules file: each one states the decision that its event must lead to."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.model import Event, Verdict
from app.rules.actions import ACTIONS
from app.rules.match import decide
from app.sources.normalised import with_name_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.model import Decision
    from app.rules.file.rule_entries import ExampleEntry, ExpectEntry
    from app.rules.rulebook import Rule, Rulebook

NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one example: `difference` states what came instead, and is empty when it passed."""

    rule: str
    example: str
    file: str
    line: int
    difference: str


def run_examples(rulebook: Rulebook) -> list[Outcome]:
    """Run every example against the whole rulebook, as an event of its rule's source."""
    return [_run(example, rule, rulebook) for rule in rulebook.rules for example in rule.examples]


def _run(example: ExampleEntry, rule: Rule, rulebook: Rulebook) -> Outcome:
    return Outcome(rule.id, example.name, rule.file, rule.line, difference(example, rule, rulebook))


def difference(example: ExampleEntry, rule: Rule, rulebook: Rulebook) -> str:
    """Return what the rulebook comes to instead of what the example of this rule expects, empty where that is it."""
    decisions = decide(event_of(example, rule), rulebook)
    return "" if any(_as_expected(d, example.expect) for d in decisions) else _difference(decisions, example)


def event_of(example: ExampleEntry, rule: Rule) -> Event:
    """Return the event of an example, of the rule's first type where the example names none."""
    given = example.event
    event = Event(
        source=rule.source,
        type=rule.types[0] if given.type is None else given.type,
        dedupe=(example.name,),
        **given.model_dump(exclude={"type", "received_at"}),
        received_at=given.received_at or given.occurred_at,
    )
    return with_name_parts(event)


def _as_expected(decision: Decision, expect: ExpectEntry) -> bool:
    verdict, target = expect.named()
    if verdict == Verdict.NONE:
        return decision.verdict not in ACTIONS
    return decision.verdict == verdict and (not target or target_of(decision) == target)


def _difference(decisions: list[Decision], example: ExampleEntry) -> str:
    expected = " ".join(filter(None, example.expect.named()))
    said = [described(decision) for decision in decisions] + details(decisions)
    return f"expected {expected}, got {'; '.join(said)}"


def target_of(decision: Decision) -> str:
    """Return the target of a decision's action, such as a sequence or a workflow; empty where it has none."""
    request = decision.enroll
    return (request.sequence or request.plan.target) if request else ""


def details(decisions: Iterable[Decision]) -> list[str]:
    """Return why conditions did not hold, by the values that they looked at, where no rule matched."""
    return [fact.detail for decision in decisions for fact in decision.facts if fact.detail]


def described(decision: Decision, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return a decision in one sentence; `names` are those of the rules' targets, by the rule's id."""
    if decision.verdict in ACTIONS:
        target, name = target_of(decision), names.get(decision.rule or "")
        named = f"in {name} ({target})" if name else target
        return f"{' '.join(filter(None, (decision.verdict, named)))} by rule {decision.rule}"
    return f"none ({decision.reason})"
