"""`update`: write the contact, and nothing else."""

from __future__ import annotations

from app.model import EnrollRequest, Plan
from app.rules.actions.base import EACH, SET, RuleAction, RuleContext
from app.rules.rulebook import EnrollAction


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    account = context.account()
    plan = Plan(action="update", write_back=context.write_back(account))
    return EnrollAction(EnrollRequest(account, plan, EACH), context.properties())


ACTION = RuleAction(description="Write the contact, and nothing else", keys=frozenset({SET}), compile=compiled)
