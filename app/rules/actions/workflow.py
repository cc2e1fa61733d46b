"""`workflow`: put the contact into a workflow."""

from __future__ import annotations

from pydantic import Field

from app.model import EnrollRequest, Intent, Plan
from app.rules.actions.base import REQUIRE, SET, RuleAction, RuleContext
from app.rules.file.values import Duration, Entry, HubSpotId
from app.rules.rulebook import EnrollAction


class WorkflowEntry(Entry):
    """The workflow that the contact is put into."""

    id: HubSpotId = Field(description="Its flow id, in quotes: the number in its address in HubSpot")
    expires_after: Duration | None = Field(None, description="Who was not put into it by then is not put into it")
    delay: Duration | None = Field(None, description="How long nothing is done at first")


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for."""
    keys, workflow, account = context.keys, context.value, context.account()
    back = context.write_back(account)
    request = EnrollRequest(
        account=account,
        plan=Plan(defaults=context.defaults(), action="workflow", target=workflow.id, write_back=back),
        intent=Intent(keys.dedupe.intent or f"workflow:{workflow.id}", keys.dedupe.period),
        require=tuple(keys.contact.require),
        expires_after=workflow.expires_after,
        delay=workflow.delay,
        priority=keys.priority,
    )
    return EnrollAction(request, context.properties())


ACTION = RuleAction(
    description="Put the contact into a workflow",
    keys=frozenset({SET, REQUIRE, ("priority",), ("dedupe",)}),
    compile=compiled,
    entry=WorkflowEntry,
    example="910001",
)
