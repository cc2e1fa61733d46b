"""What the rules make of an event: a decision, with the reason, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from app.model.immutable import immutable
from app.model.sending import OnSenderFull, Timing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

# What a rule writes to a contact property: a text, or a list of texts. A number, a truth and an instant stand as text
# (50, true, ISO 8601); the property's definition says what HubSpot takes for them.
PropertyValue: TypeAlias = "str | Sequence[str]"

ENROLL = "enroll"
# The write-back whose value differs for every enrollment; sources and rules have few values.
DECISION = "decision"
CONTACT_OWNER = "contact-owner"
KEEP = "keep"


class IfEnrolled(StrEnum):
    """What happens when the contact is in a sequence already; HubSpot allows one at a time."""

    SKIP = "skip"  # refuse
    WAIT = "wait"  # until that sequence has ended
    REPLACE = "replace"  # take the contact out of it first


@dataclass(frozen=True, slots=True)
class Plan:
    """How an enrollment is carried out, as its rule said when the event was accepted. The enrollment's row keeps it.

    `sender` is the name of a sender or pool, or `contact-owner`; `fallback` sends when that sender cannot. `owner` says
    which owner the contact gets: `keep` changes nothing, `sender`, or a sender's name. `defaults` are (property,
    value), written where a required property is empty. `action` names what is done for the person, and `target` its
    object where that is no sequence: the flow id of a workflow, the text of a note.
    `write_back` are (source, rule or decision, property): where the contact says why it was enrolled.
    """

    sender: str = ""
    fallback: str | None = None
    on_sender_full: OnSenderFull = OnSenderFull.DEFER
    timing: Timing | None = None
    if_enrolled: IfEnrolled = IfEnrolled.SKIP
    owner: str = KEEP
    overwrite_owner: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    action: str = ENROLL
    target: str = ""
    write_back: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """Why a person is contacted. One intent per person and period: `period` starts when the event is accepted."""

    name: str
    period: timedelta


@immutable
class EnrollRequest:
    """What a matching rule asks for: this contact, into this sequence, carried out by this plan.

    `sequence` is empty where the plan's action is not to enroll. `email` is normalised. `properties` are written to the
    contact first, as the definition of each allows; each of `require` must then be non-empty. Of one person's
    enrollments the one with the highest `priority` goes first. The enrollment starts after `delay`, and expires when it
    was not sent `expires_after` its acceptance (None: never).
    """

    account: str
    plan: Plan
    intent: Intent
    sequence: str = ""
    email: str = ""
    properties: Mapping[str, PropertyValue] = field(default_factory=dict)
    require: tuple[str, ...] = ()
    expires_after: timedelta | None = None
    delay: timedelta | None = None
    priority: int = 0

    def for_person(self, account: str, email: str, properties: Mapping[str, PropertyValue]) -> EnrollRequest:
        """Return the request of a rule for one person. `dataclasses.replace` takes four times as long."""
        return EnrollRequest(
            account,
            self.plan,
            self.intent,
            self.sequence,
            email,
            properties,
            self.require,
            self.expires_after,
            self.delay,
            self.priority,
        )


class Verdict(StrEnum):
    """How one decision ended. A rule's action is its verdict: `enroll`, and each other one by its name."""

    ENROLL = "enroll"
    IGNORE = "ignore"  # a rule says so
    NONE = "none"  # no rule matched, or the matching rule cannot act (no e-mail address)
    DROPPED = "dropped"  # a member of a batch that cannot be used
    DUPLICATE = "duplicate"  # the person's intent is taken: only the store can find this
    FORGOTTEN = "forgotten"  # the person was forgotten: only the store can find this, too


@immutable
class RuleFact:
    """The result of one listening rule for one event. `because` is one sentence; `error` marks a runtime error.

    `detail` holds the values that a condition looked at where no rule matched: personal data, which is never logged.
    """

    rule: str
    line: int
    matched: bool
    because: str
    error: bool = False
    detail: str = field(default="", repr=False)


@immutable
class Decision:
    """Which rule and line decided, or why none did. `enroll` is set when something is to be done for the person."""

    verdict: str
    reason: str
    revision: str
    rule: str | None = None
    line: int | None = None
    facts: tuple[RuleFact, ...] = ()
    enroll: EnrollRequest | None = None
