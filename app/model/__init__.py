"""The vocabulary of Segue: immutable values that every step passes to the next. Nothing here performs I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request from a source, as it came.

    `url` is the full public URL the sender called (some signatures cover it); header names are lower case;
    `body` is the raw bytes that signatures are computed over; `received_at` is aware, in UTC.
    """

    id: str
    source: str
    received_at: datetime
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """One accepted secret of a source. After `not_after` (aware; None means never) it no longer verifies."""

    value: str = field(repr=False)
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A configured sender of webhooks. `options` is the provider's own options model, validated, where it has one.

    `fields` is the source's `map:`, the name of an event's field to where the sender puts it. `account` is the HubSpot
    account whose objects its events name, where that must be told.
    """

    name: str
    provider: str
    secrets: tuple[Secret, ...] = ()
    options: Any = None
    fields: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One normalised fact about a person.

    `id` is the provider's own event id, None where it sends none. `dedupe` identifies the event within its source:
    the id, or the provider's documented tuple. `email` is as sent (None when absent); `data` is the provider's payload,
    with integers of any size intact. `exit` says that the person left: cancelled, unsubscribed, no longer in a cohort.

    `thin` says that the provider must be asked for what the event does not carry. `dropped` says why one member of a
    batch cannot be used: it is recorded, and decides nothing. `answers` are a form's, by label, as `map:` names them.
    """

    source: str
    type: str
    dedupe: tuple[str, ...]
    id: str | None = None
    occurred_at: datetime | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    exit: bool = False
    thin: bool = False
    dropped: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider is answered in its own way: to a challenge or probe, or to a delivery."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a sequence is sent by: `user_id` is HubSpot's user id (never the owner id), `email` the connected inbox.

    `daily` caps its enrollments in any 24 hours (None: HubSpot's own limit). `timezone` is an IANA name.
    """

    name: str
    user_id: str
    email: str
    daily: int | None = None
    timezone: str | None = None


class Pick(StrEnum):
    """How a pool shares work out."""

    ROUND_ROBIN = "round-robin"  # one after the other
    WEIGHTED = "weighted"  # by weight; the same person always falls to the same one
    MOST_LEFT = "most-left"  # whoever has most enrollments left in 24 hours


class Sticky(StrEnum):
    """Who stays with the sender that was chosen first."""

    NONE = "none"
    CONTACT = "contact"
    COMPANY = "company"  # everybody with an address at the same domain, free mail left out


class OnSenderFull(StrEnum):
    """What follows when the sender's 24 hours are spent."""

    DEFER = "defer"  # wait for a place
    NEXT_SENDER = "next-sender"  # take another one of the pool, or the fallback
    FAIL = "fail"  # refuse


@dataclass(frozen=True, slots=True)
class Pool:
    """Several senders who share work. `members` are their names with their weights, in the order written."""

    name: str
    pick: Pick
    members: tuple[tuple[str, int], ...]
    sticky: Sticky = Sticky.CONTACT


class IfEnrolled(StrEnum):
    """What follows when the contact is in a sequence already; HubSpot allows one at a time."""

    SKIP = "skip"  # refuse
    WAIT = "wait"  # until that one has ended
    REPLACE = "replace"  # take the contact out of it first


ENROLL = "enroll"
# The write-back whose value is another one for every enrollment; sources and rules are few.
DECISION = "decision"
CONTACT_OWNER = "contact-owner"
KEEP = "keep"
# Read-only, or (address, owner) set by what has its own key. What HubSpot tells of enrollments and replies begins like
# these, and nobody else writes it.
KEPT_PROPERTIES = frozenset({"email", "hubspot_owner_id", "createdate", "lastmodifieddate"})
KEPT_BEGINNINGS = ("hs_object_", "hs_sequences_", "hs_latest_sequence_", "hs_sales_email_last_")
OF_SENDER, OF_CONTACT = "sender", "contact"


def is_hubspots(name: str) -> bool:
    """Tell whether a contact property is HubSpot's own."""
    return name.startswith("hs_") or name in KEPT_PROPERTIES


def is_kept(name: str) -> bool:
    """Tell whether a contact property is one that no rule may ever write."""
    return name.startswith(KEPT_BEGINNINGS) or name in KEPT_PROPERTIES


@dataclass(frozen=True, slots=True)
class Window:
    """Open on `days` (ISO weekdays, Monday is 1) from `opens` until `closes`, not on `holidays`.

    Times are wall clock; `closes` at 00:00 is the end of the day.
    """

    days: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Timing:
    """A window with whose clock it goes by: `zone` is the sender's (`sender`), the contact's, or an IANA name.

    `otherwise` is the zone of those who have none, `contact_property` is where HubSpot keeps a contact's. Who waited
    for an opening is released within `spread` of its beginning.
    """

    window: Window
    zone: str = OF_SENDER
    otherwise: str | None = None
    contact_property: str = "hs_timezone"
    spread: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Plan:
    """How an enrollment is carried out, as its rule said when it was accepted. It is kept with the enrollment.

    `sender` is the name of a sender or pool, or `contact-owner`; `fallback` is who sends when that one cannot. `owner`
    is who the contact is given to: `keep` for nobody, `sender`, or a sender's name. `defaults` are (property, value):
    what is written where a required property is empty. `action` names what is done for the person, `target`
    what that is directed at, where it is no sequence: the flow id of a workflow.
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
class Cap:
    """At most so many `enrollments` of one person in any `period`."""

    enrollments: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class UnenrollWorkflow:
    """How contacts are taken out of sequences, for which HubSpot has no request: by a workflow that does so.

    It starts when `contact_property` gets `value`, or (`workflow`, a flow id) when the contact is put into it. It has
    done nothing for sure before `takes` has passed, and is given up after `within`.
    """

    contact_property: str | None = None
    value: str = "true"
    workflow: str | None = None
    takes: timedelta = timedelta(minutes=2)
    within: timedelta = timedelta(minutes=15)

    @property
    def longest(self) -> timedelta:
        """For how long the workflow may still take a contact out, once it was set going."""
        return max(self.takes, self.within)


@dataclass(frozen=True, slots=True)
class Account:
    """One HubSpot account. `per_10s` caps requests per 10 s below what HubSpot reports (None: believe HubSpot).

    `contact_timezone` is the contact property that holds a contact's time zone. `per_person` caps how often one person
    is enrolled. `write_back` are (source, rule or decision, property): where a contact says why it was enrolled.
    `writable` are the properties that rules may write (None: all but HubSpot's own).
    `daily` caps its requests of a day, which ends at midnight in `timezone` (None: where is not known).
    One that joins by OAuth (`oauth`) has no token here: its grant is in the store. `bridge` leads out of sequences.
    """

    name: str
    token: str = field(repr=False)
    per_10s: int | None = None
    contact_timezone: str = "hs_timezone"
    per_person: Cap | None = None
    write_back: tuple[tuple[str, str], ...] = ()
    writable: frozenset[str] | None = None
    oauth: bool = False
    daily: int | None = None
    timezone: str | None = None
    bridge: UnenrollWorkflow | None = None

    def may_write(self, name: str) -> bool:
        """Tell whether rules may write this contact property: not what HubSpot keeps itself, nor who the contact is."""
        if self.writable is not None:
            return name in self.writable
        return not is_hubspots(name)


class OutboundKind(StrEnum):
    """What the operator's own systems are told of an enrollment."""

    ENROLLED = "enrolled"
    REFUSED = "refused"
    PARKED = "parked"
    ENDED = "ended"
    REPLIED = "replied"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A system of the operator's that is told of enrollments by signed webhooks.

    `secrets` all sign; `accounts` are keys of the rulebook's `accounts` (None: all). `shown` is the URL as the rules
    have it, its variables unexpanded: what may be shown. `fingerprint` changes when the URL or a secret does.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[Secret, ...]
    kinds: frozenset[OutboundKind]
    accounts: frozenset[str] | None
    shown: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Intent:
    """Why a person is contacted. One intent per person and period: `period` starts when the event is accepted."""

    name: str
    period: timedelta


@dataclass(frozen=True, slots=True)
class EnrollRequest:
    """What a matching rule asks for: this contact, into this sequence, carried out by this plan.

    Where the plan's action is not to enroll, `sequence` is empty.

    `email` is normalised. `properties` are written to the contact first; each of `require` must then be non-empty.
    Of one person's enrollments the one with the highest `priority` goes first.

    Nothing is done before `delay` has passed; whoever has not been sent `expires_after` it was accepted is not sent any
    more (None: never expires).
    """

    account: str
    email: str
    sequence: str
    plan: Plan
    properties: Mapping[str, str]
    require: tuple[str, ...]
    intent: Intent
    expires_after: timedelta | None = None
    delay: timedelta | None = None
    priority: int = 0


class Verdict(StrEnum):
    """How one decision ended. A rule's action is its verdict: `enroll`, and each other one by its name."""

    ENROLL = "enroll"
    IGNORE = "ignore"  # a rule says so
    NONE = "none"  # no rule matched, or the matching rule cannot act (no e-mail address)
    DROPPED = "dropped"  # a member of a batch that cannot be used
    DUPLICATE = "duplicate"  # the person's intent is taken: only the store finds that out


@dataclass(frozen=True, slots=True)
class RuleFact:
    """What one listening rule said of one event. `because` is one sentence; `error` tells a runtime error apart."""

    rule: str
    line: int
    matched: bool
    because: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Which rule and line decided, or why none did. `enroll` is set when something is to be done for the person."""

    verdict: str
    reason: str
    revision: str
    rule: str | None = None
    line: int | None = None
    facts: tuple[RuleFact, ...] = ()
    enroll: EnrollRequest | None = None


class State(StrEnum):
    """Where an enrollment stands. `app.model.states` holds the only transitions there are."""

    HELD = "held"
    READY = "ready"
    WORKING = "working"
    UNCERTAIN = "uncertain"
    PARKED = "parked"
    ENROLLED = "enrolled"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Step(StrEnum):
    """How far a working enrollment has come; each step is a committed checkpoint."""

    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    PREPARED = "prepared"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What HubSpot says of a contact's sequences: read before `sending`, and again to settle what became of it.

    Source of the three properties: `hs_sequences_enrolled_count`, `hs_latest_sequence_enrolled` (an id) and
    `hs_latest_sequence_enrolled_date`. They lag behind the enrollment itself.
    """

    count: int | None
    sequence: str | None
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One claimed enrollment. `attempt` is its fence: every later write names it and fails when it is no longer ours.

    `tries` counts failures since `first_failed_at`; `reads` and `resends` belong to settling; `sending_at` is the
    database's time of the last `sending`, `first_sending_at` of the first one. `sender` is None until one is assigned.
    `triggered_at` is the database's time at which a workflow was set going for it, None where none is under way.
    `contact_id` is known once its properties were written to the contact; `gave_owner` is the owner id that it has
    given the contact, None where it gave it none. `left_by` is the enrollment by which the person has left since this
    one's event came, None where it has not.
    """

    id: str
    account: str
    email: str
    source: str
    rule: str
    sequence: str
    plan: Plan
    sender: Sender | None
    properties: Mapping[str, str]
    require: tuple[str, ...]
    state: State
    attempt: int
    step: Step | None
    tries: int
    first_failed_at: datetime | None
    received_at: datetime
    contact_id: str | None
    baseline: Baseline
    sending_at: datetime | None
    first_sending_at: datetime | None
    reads: int
    resends: int
    delivery_id: str
    triggered_at: datetime | None = None
    gave_owner: str | None = None
    left_by: str | None = None


@dataclass(frozen=True, slots=True)
class DroppedProperty:
    """A write-back that a contact was written without; `problem` is why HubSpot refuses it, for people."""

    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class WrittenContact:
    """A contact that was created or updated, and the write-backs that it was written without."""

    id: str
    dropped: tuple[DroppedProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. `after` is the last id of the page before; newest come first."""

    email: str | None = None
    source: str | None = None
    rule: str | None = None
    state: str | None = None
    reason: str | None = None
    verdict: str | None = None
    ended: str | None = None
    after: str | None = None
    limit: int = 50


# Why the enrollments of an account wait while nobody has connected it; connecting it releases those that say so.
NOT_CONNECTED = "account_not_connected"


# The answer to a request was lost. Who is uncertain is settled by reading; a workflow cannot be read, and is parked.
NO_OUTCOME = "no_outcome"


@dataclass(frozen=True, slots=True)
class ObservedEnrollment:
    """The status route's answer: which sequence the contact is in now, and since when."""

    sequence: str
    enrolled_at: datetime
