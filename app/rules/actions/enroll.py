"""`enroll`: put the contact into a sequence, sent by a sender."""

from __future__ import annotations

from pydantic import Field

from app.model import CONTACT_OWNER, KEEP, OF_SENDER, EnrollRequest, IfEnrolled, Intent, OnSenderFull, Plan, Timing
from app.rules.actions.base import REQUIRE, SET, RuleAction, RuleContext
from app.rules.file.values import Duration, Entry, HubSpotId, Name, Text
from app.rules.rulebook import EnrollAction


class EnrollEntry(Entry):
    """The sequence, and who sends it."""

    sequence: HubSpotId = Field(description="HubSpot's sequence id, in quotes")
    sender: Text = Field(description="A name of `senders` or `pools`, or `contact-owner`")
    fallback: Text | None = Field(None, description="Who sends when that one cannot: a name of `senders` or `pools`")
    on_sender_full: OnSenderFull = Field(
        OnSenderFull.DEFER, description="What follows when the sender's 24 hours are spent"
    )
    expires_after: Duration | None = Field(None, description="Who was not sent by then is not sent any more")
    delay: Duration | None = Field(None, description="How long nothing is done at first")
    window: Name | None = Field(None, description="A name of `windows`: when it may start")


def compiled(context: RuleContext) -> EnrollAction:
    """Return what a match asks for; note senders, windows and owners that do not exist."""
    keys, enroll = context.keys, context.value
    if keys.overwrite and keys.owner == KEEP:
        context.note(("overwrite",), "`overwrite` changes nothing where `owner` is `keep`", key=True)
    _check_senders(context, enroll)
    account = context.account()
    request = EnrollRequest(
        account=account,
        plan=_plan(context, enroll, account),
        intent=Intent(keys.dedupe.intent or f"sequence:{enroll.sequence}", keys.dedupe.period),
        sequence=enroll.sequence,
        require=tuple(keys.contact.require),
        expires_after=enroll.expires_after,
        delay=enroll.delay,
        priority=keys.priority,
    )
    return EnrollAction(request, context.properties())


def _plan(context: RuleContext, enroll: EnrollEntry, account: str) -> Plan:
    keys = context.keys
    if keys.if_already_enrolled is IfEnrolled.REPLACE:
        context.require_unenroll("if_already_enrolled", account)
    if keys.owner not in {KEEP, OF_SENDER}:
        context.shared.senders.require_sender(keys.owner, context.part, (*context.place, "owner"))
    return Plan(
        enroll.sender,
        enroll.fallback,
        enroll.on_sender_full,
        _timing(context, enroll, account),
        keys.if_already_enrolled,
        keys.owner,
        keys.overwrite,
        context.defaults(),
        write_back=context.write_back(account),
    )


def _timing(context: RuleContext, enroll: EnrollEntry, account: str) -> Timing | None:
    if enroll.window is None:
        return None
    by_owner, place = enroll.sender == CONTACT_OWNER, (*context.place, "enroll", "window")
    return context.shared.windows.timing(enroll.window, context.part, place, account=account, by_owner=by_owner)


def _check_senders(context: RuleContext, enroll: EnrollEntry) -> None:
    senders, part, place = context.shared.senders, context.part, (*context.place, "enroll")
    senders.require_sender_or_pool(enroll.sender, part, (*place, "sender"), owner_allowed=True)
    if enroll.fallback is not None:
        senders.require_sender_or_pool(enroll.fallback, part, (*place, "fallback"), owner_allowed=False)
    alone = enroll.sender in senders.senders or enroll.sender == CONTACT_OWNER
    if alone and enroll.fallback is None and enroll.on_sender_full is OnSenderFull.NEXT_SENDER:
        message = "there is no next sender: name a pool as `sender`, or a sender as `fallback`"
        context.note(("enroll", "on_sender_full"), message)


ACTION = RuleAction(
    description="The sequence, and who sends it",
    keys=frozenset({SET, REQUIRE, ("owner",), ("overwrite",), ("priority",), ("if_already_enrolled",), ("dedupe",)}),
    compile=compiled,
    entry=EnrollEntry,
    example="310001",
)
