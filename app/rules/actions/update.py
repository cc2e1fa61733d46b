"""`update`: write the contact, and nothing else."""

from __future__ import annotations

from app.model import Plan
from app.rules.actions.base import EACH, SET, RuleAction, RuleContext
from app.rules.rulebook import EnrollAction


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    account = context.account()
    return EnrollAction(
        account=account,
        sequence="",
        plan=Plan(action="update", write_back=context.write_back(account)),
        properties=context.properties(),
        require=(),
        intent=EACH,
    )


ACTION = RuleAction(description="Write the contact, and nothing else", keys=frozenset({SET}), compile=compiled)
