"""`ignore`: do nothing, on purpose."""

from __future__ import annotations

from app.rules.actions.base import RuleAction, RuleContext


def compiled(context: RuleContext) -> None:
    """Note an account that does not exist; a match asks for nothing."""
    if context.keys.account is not None:
        context.shared.resolve_account(context.keys.account, context.part, context.place)


ACTION = RuleAction(description="Do nothing, on purpose", keys=frozenset(), compile=compiled, guards=True)
