"""Compile rules: entries of the rules file -> rules that events are matched against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import Verdict
from app.rules.actions import ACTIONS
from app.rules.actions.base import RuleContext
from app.rules.compile.allowed_keys import require_allowed
from app.rules.file.recovery import UNKNOWN
from app.rules.rulebook import Rule

if TYPE_CHECKING:
    from app.rules.actions.base import SharedContext
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place
    from app.rules.file.rule_entries import RuleKeys


def compile_rules(parts: list[Part], shared: SharedContext, *, complete: bool) -> tuple[Rule, ...]:
    """Return the rules in their order. Names in them are checked only when every file could be read (`complete`)."""
    readable = complete and not any("sources" in part.recovered for part in parts)
    sources = {UNKNOWN, *(name for part in parts for name in part.file.sources)}
    rules: dict[str, Rule] = {}
    for part in parts:
        for number, entry in enumerate(part.file.rules):
            place = ("rules", number)
            if entry.id in rules:
                wrong = part.parsed.written((*place, "id"))
                shared.diagnostics.note(part, (*place, "id"), f"another rule is called {wrong!r} already")
            if readable and entry.source not in sources:
                wrong = part.parsed.written((*place, "source"))
                shared.diagnostics.note(part, (*place, "source"), f"there is no source {wrong!r} in `sources`")
            rules.setdefault(entry.id, _rule(entry, part, place, shared))
    return tuple(rules.values())


def _rule(entry: RuleKeys, part: Part, place: Place, shared: SharedContext) -> Rule:
    diagnostics, actions = shared.diagnostics, entry.actions()
    if len(actions) != 1:
        choices = [f"`{name}: true`" if action.is_flag else f"`{name}`" for name, action in ACTIONS.items()]
        message = f"it does one thing: write one of {', '.join(choices[:-1])} and {choices[-1]}"
        diagnostics.note(part, place, f"rule {part.parsed.written((*place, 'id'))!r}: {message}")
    require_allowed(entry, part, place, diagnostics)
    # A rule with several actions is a mistake; its first action is compiled to find the mistakes in it.
    verdict = actions[0] if actions else Verdict.IGNORE
    context = RuleContext(entry, getattr(entry, verdict), part, place, shared)
    return Rule(
        id=entry.id,
        file=part.parsed.file,
        line=part.parsed.line(place),
        source=entry.source,
        types=tuple(entry.type),
        when=context.expression(entry.when, ("when",)) if entry.when else None,
        goes_on=entry.continue_,
        stops_on_error=entry.on_error == "stop" or (entry.on_error is None and ACTIONS[verdict].guards),
        says_on_error=entry.on_error is not None,
        enroll=ACTIONS[verdict].compile(context),
        examples=tuple(entry.examples),
        description=entry.description,
    )
