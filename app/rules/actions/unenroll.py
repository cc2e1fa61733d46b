"""`unenroll`: end what waits, and take the contact out of its sequence."""

from __future__ import annotations

from app.model import EnrollRequest, Plan
from app.rules.actions.base import EACH, FIRST, RuleAction, RuleContext
from app.rules.rulebook import EnrollAction


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    account = context.account()
    context.require_unenroll("unenroll", account)
    return EnrollAction(EnrollRequest(account, Plan(action="unenroll"), EACH, priority=FIRST))


ACTION = RuleAction(
    description="The same, and take the contact out of the sequence that it is in",
    keys=frozenset(),
    compile=compiled,
    guards=True,
)
