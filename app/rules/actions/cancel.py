"""`cancel`: end what waits for the person."""

from __future__ import annotations

from app.model import Plan
from app.rules.actions.base import EACH, FIRST, RuleAction, RuleContext
from app.rules.rulebook import EnrollAction


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    return EnrollAction(
        account=context.account(),
        sequence="",
        plan=Plan(action="cancel"),
        properties={},
        require=(),
        intent=EACH,
        priority=FIRST,
    )


ACTION = RuleAction(description="End whatever waits for this person", keys=frozenset(), compile=compiled)
