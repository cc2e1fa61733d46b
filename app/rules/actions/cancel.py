"""`cancel`: end what waits for the person."""

from __future__ import annotations

from app.model import EnrollRequest, Plan
from app.rules.actions.base import EACH, FIRST, RuleAction, RuleContext
from app.rules.rulebook import EnrollAction


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    return EnrollAction(EnrollRequest(context.account(), Plan(action="cancel"), EACH, priority=FIRST))


ACTION = RuleAction(description="End whatever waits for this person", keys=frozenset(), compile=compiled, guards=True)
