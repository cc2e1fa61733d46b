"""Running the examples that stand beside the rules: each says what an event must come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import Event, Verdict
from app.rules.match import decide

if TYPE_CHECKING:
    from app.model import Decision
    from app.rules.file.schema import ExampleEntry, ExpectEntry
    from app.rules.rulebook import Rule, Rulebook


PLAIN = (Verdict.IGNORE, Verdict.UPDATE, Verdict.CANCEL, Verdict.UNENROLL)  # what names nothing further


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one example went: `difference` says what came instead, and is empty when it passed."""

    rule: str
    example: str
    file: str
    line: int
    difference: str


def run_examples(book: Rulebook) -> list[Outcome]:
    """Run every example against the whole rulebook, as an event of its rule's source."""
    return [_run(example, rule, book) for rule in book.rules for example in rule.examples]


def _run(example: ExampleEntry, rule: Rule, book: Rulebook) -> Outcome:
    decisions = decide(event_of(example, rule), book)
    difference = "" if any(_as_expected(d, example.expect) for d in decisions) else _difference(decisions, example)
    return Outcome(rule.id, example.name, rule.file, rule.line, difference)


def event_of(example: ExampleEntry, rule: Rule) -> Event:
    """Return the event of an example; the rule's first type stands in where it names none."""
    told = example.event
    return Event(
        source=rule.source,
        type=rule.types[0] if told.type is None else told.type,
        dedupe=(example.name,),
        **told.model_dump(exclude={"type"}),
    )


def _as_expected(decision: Decision, expect: ExpectEntry) -> bool:
    if expect.enroll is not None:
        return decision.enroll is not None and decision.enroll.sequence == expect.enroll
    if expect.workflow is not None:
        return decision.enroll is not None and decision.enroll.plan.workflow == expect.workflow
    return decision.verdict is _wanted(expect)


def _difference(decisions: list[Decision], example: ExampleEntry) -> str:
    expect = example.expect
    named = f"enroll {expect.enroll}" if expect.enroll else f"workflow {expect.workflow}"
    wanted = named if expect.enroll or expect.workflow else _wanted(expect)
    return f"expected {wanted}, got {'; '.join(told(decision) for decision in decisions)}"


def _wanted(expect: ExpectEntry) -> Verdict:
    """Return the verdict that is expected, where it is not to enroll."""
    return next((verdict for verdict in PLAIN if getattr(expect, verdict)), Verdict.NONE)


def told(decision: Decision) -> str:
    """Return a decision in one sentence."""
    if decision.enroll is not None and decision.verdict is Verdict.ENROLL:
        return f"enroll {decision.enroll.sequence} by rule {decision.rule}"
    if decision.enroll is not None and decision.verdict is Verdict.WORKFLOW:
        return f"workflow {decision.enroll.plan.workflow} by rule {decision.rule}"
    if decision.verdict in PLAIN:
        return f"{decision.verdict} by rule {decision.rule}"
    return f"none ({decision.reason})"
