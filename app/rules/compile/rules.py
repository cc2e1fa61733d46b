"""Rules as the operator wrote them -> rules as events are matched against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model import Verdict
from app.rules.actions import ACTIONS
from app.rules.actions.base import RuleContext
from app.rules.compile.allowed_keys import require_allowed
from app.rules.file.recovery import UNKNOWN
from app.rules.rulebook import Rule

if TYPE_CHECKING:
    from app.rules.actions.base import Compiler
    from app.rules.file.diagnostics import Place
    from app.rules.file.parse import Part
    from app.rules.file.schema import RuleKeys


class Rules:
    """Compiles rules. What they name is checked only when every file could be read (`complete`)."""

    def __init__(self, parts: list[Part], compiler: Compiler, *, complete: bool) -> None:
        self._compiler = compiler
        self._findings = compiler.findings
        mended = {section for part in parts for section in part.mended}
        known = {UNKNOWN, *(name for part in parts for name in part.file.sources)}
        self._sources = known if complete and "sources" not in mended else None

    def compiled(self, parts: list[Part]) -> tuple[Rule, ...]:
        """Return the rules in their order."""
        made: dict[str, Rule] = {}
        for part in parts:
            for number, entry in enumerate(part.file.rules):
                place = ("rules", number)
                if entry.id in made:
                    wrong = part.parsed.written((*place, "id"))
                    self._findings.note(part, (*place, "id"), f"another rule is called {wrong!r} already")
                if self._sources is not None and entry.source not in self._sources:
                    wrong = part.parsed.written((*place, "source"))
                    self._findings.note(part, (*place, "source"), f"there is no source {wrong!r} in `sources`")
                made.setdefault(entry.id, self._rule(entry, part, place))
        return tuple(made.values())

    def _rule(self, entry: RuleKeys, part: Part, place: Place) -> Rule:
        does = entry.actions()
        if len(does) != 1:
            ways = [f"`{name}: true`" if action.is_flag else f"`{name}`" for name, action in ACTIONS.items()]
            message = f"it does one thing: write one of {', '.join(ways[:-1])} and {ways[-1]}"
            self._findings.note(part, place, f"rule {part.parsed.written((*place, 'id'))!r}: {message}")
        require_allowed(entry, part, place, self._findings)
        when = self._findings.expression(entry.when, part, (*place, "when")) if entry.when else None
        # A rule that does several things is a mistake; the first is compiled for the mistakes in it.
        verdict = does[0] if does else Verdict.IGNORE
        context = RuleContext(entry, getattr(entry, verdict), part, place, self._compiler)
        return Rule(
            id=entry.id,
            file=part.parsed.file,
            line=part.parsed.line(place),
            source=entry.source,
            types=tuple(entry.type),
            when=when,
            goes_on=entry.continue_,
            stops_on_error=entry.on_error == "stop",
            enroll=ACTIONS[verdict].compile(context),
            examples=tuple(entry.examples),
        )
