"""The rules file as the operator writes it. Unknown keys are errors; descriptions are what an editor shows."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from app.model import KEEP, OF_CONTACT, OF_SENDER, IfEnrolled, OnSenderFull, OutboundKind, Pick, Sticky
from app.people.suppression import Suppression, read
from app.sending_windows import parse_days, parse_hours, zone

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: object) -> timedelta:
    """Return a duration written like 30d, 12h or 15m."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a duration like 30d, 12h, 15m or 90s")
    return timedelta(**{_UNITS[found.group(2)]: int(found.group(1))})


def _quoted(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'ids are text: write "{value}" in quotes')  # noqa: TRY004  # pydantic wants ValueError
    return value


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _zone(value: object) -> object:
    return zone(value).key if isinstance(value, str) else value


def _whose_zone(value: object) -> object:
    return value if value in {OF_SENDER, OF_CONTACT} else _zone(value)


def _days(value: object) -> object:
    return parse_days(value) if isinstance(value, str) else value


def _hours(value: object) -> object:
    return parse_hours(value) if isinstance(value, str) else value


def _required(value: object) -> object:
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def _suppression(value: object) -> Suppression:
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004  # pydantic wants ValueError
    return read(value)


def _members(value: object) -> object:
    return dict.fromkeys(value, 1) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def _secret(value: object) -> object:
    return {"value": value} if isinstance(value, str) else value


EXPECTED = ("none", "ignore", "update", "cancel", "unenroll")


def _expected(value: object) -> object:
    if isinstance(value, str) and value not in EXPECTED:
        told = ", ".join(f"`{name}`" for name in EXPECTED)
        raise ValueError(f'write {told}, or the sequence as {{enroll: "310001"}}, or {{workflow: "910001"}}')
    return {value: True} if isinstance(value, str) else value


class AlsoWritten:
    """Says in the JSON Schema that a mapping has a short way of writing, too."""

    def __init__(self, short: dict[str, Any]) -> None:
        self._short = short

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema of either way: pydantic asks for this."""
        return {"anyOf": [self._short, handler(core_schema)]}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
IDS = r"^[0-9]{1,20}$"
HubSpotId = Annotated[Text, BeforeValidator(_quoted), StringConstraints(pattern=IDS)]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Cel = Annotated[Text, Field(description="A CEL expression over `event`")]
Types = Annotated[
    list[Text],
    BeforeValidator(_one_or_many),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}\\s*[smhdw]$", "examples": ["30d", "12h"]}),
]


Zone = Annotated[Text, BeforeValidator(_zone)]
# What is blank would stand in a mail as "Hi  ,", which is what it is required for to prevent.
Default = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]


class SecretEntry(_Model):
    """A secret that is accepted until `not_after`."""

    value: Text
    not_after: AwareDatetime | None = Field(None, description="From when it no longer verifies, with its time zone")


class CapEntry(_Model):
    """A cap on how often one person is enrolled."""

    enrollments: int = Field(ge=1, le=1000, strict=True, description="How many at most")
    period: Duration = Field(alias="per", description="In any period of this length")


class WriteBackEntry(_Model):
    """Contact properties that say why a contact was enrolled; one that HubSpot refuses is left out."""

    source: Name | None = None
    rule: Name | None = None
    decision: Name | None = None


class BridgeEntry(_Model):
    """How contacts are taken out of sequences: by a workflow of the account's, which one of two ways sets going."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["property"]}, {"required": ["workflow"]}]})

    contact_property: Name | None = Field(
        None, alias="property", description="The contact property by whose becoming known the workflow starts"
    )
    value: Text = Field("true", description="What is written there")
    workflow: HubSpotId | None = Field(None, description="Or the workflow's flow id: contacts are put into it")
    takes: Duration = Field(timedelta(minutes=2), description="Before this it may still act: its end is not looked for")
    within: Duration = Field(timedelta(minutes=15), description="After this somebody must look why it did not act")


class AccountEntry(_Model):
    """The HubSpot account to enroll into."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["token"]}, {"required": ["oauth"]}]})

    token: Text | None = Field(None, description='Service key or private-app token, as "${NAME}"')
    oauth: bool = Field(default=False, strict=True, description="It joins by OAuth instead: a person connects it")
    per_10s: int | None = Field(None, ge=1, le=1000, strict=True, description="A cap below HubSpot's own limit")
    daily: int | None = Field(None, ge=1, strict=True, description="A cap on requests of a day; it needs `timezone`")
    timezone: Zone | None = Field(None, description="The account's time zone in HubSpot, where its day ends")
    per_person: CapEntry | None = Field(None, description="How often one person is enrolled at most")
    write_back: WriteBackEntry = Field(
        default=WriteBackEntry(), description="Where contacts say why they were enrolled"
    )
    writable: list[Name] | None = Field(
        None, description="The contact properties that rules may write; all but HubSpot's own"
    )
    unenroll: BridgeEntry | None = Field(None, description="How contacts are taken out of sequences")
    contact_timezone: Name = Field("hs_timezone", description="The contact property that holds a contact's time zone")


class MapEntry(_Model):
    """Where a source puts what its provider cannot know: `$.dotted.path`, a JSON pointer, `header:Name`, or a label."""

    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    name: Text | None = None
    company: Text | None = None
    occurred_at: Text | None = None


class SourceEntry(BaseModel):
    """A sender of webhooks; what its provider alone understands stands beside these keys."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    provider: Text = Field(description="The kind of tool that sends")
    secrets: list[
        Annotated[
            SecretEntry,
            BeforeValidator(_secret),
            AlsoWritten({"type": "string"}),
        ]
    ] = Field(default=[], description='Accepted secrets, as "${NAME}"; several while one is rotated')
    map: MapEntry = Field(default=MapEntry(), description="Where the sender puts an event's fields")
    account: Name | None = Field(
        None, description="The only HubSpot account in which its events are looked up; else each event's own"
    )


class SenderEntry(_Model):
    """Who sequences are sent by."""

    user_id: HubSpotId = Field(description="HubSpot's user id, not the owner id")
    email: Text = Field(description="The inbox connected to HubSpot")
    daily: int | None = Field(None, ge=1, le=1000, strict=True, description="Enrollments in any 24 hours, 1000 at most")
    timezone: Zone | None = Field(None, description="Its time zone, like Europe/Berlin")


class PoolEntry(_Model):
    """Several senders who share work."""

    pick: Pick = Field(Pick.MOST_LEFT, description="Who is taken")
    senders: Annotated[
        dict[Name, Annotated[int, Field(ge=1, le=1000, strict=True)]],
        BeforeValidator(_members),
        AlsoWritten({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        Field(min_length=1, description="Names of `senders`, or a mapping of them to their weights"),
    ]
    sticky: Sticky = Field(Sticky.CONTACT, description="Who stays with the sender that was chosen first")


class WindowEntry(_Model):
    """When enrollments may start."""

    days: Annotated[frozenset[int], BeforeValidator(_days), WithJsonSchema({"type": "string", "examples": ["mon-fri"]})]
    hours: Annotated[
        tuple[time, time],
        BeforeValidator(_hours),
        WithJsonSchema({"type": "string", "examples": ["09:00-17:00"]}),
    ]
    timezone: Annotated[Text, BeforeValidator(_whose_zone)] = Field(
        OF_SENDER, description="Whose clock it goes by: `sender`, `contact`, or a time zone"
    )
    otherwise: Zone | None = Field(None, description="The time zone of a sender or contact that has none")
    holidays: frozenset[date] = Field(frozenset(), description="Days on which it stays closed")
    spread: Duration = Field(timedelta(minutes=30), description="Over how long those are released who waited for it")


class ContactEntry(_Model):
    """What happens to the contact before it is enrolled."""

    set: dict[Name, Cel] = Field(default={}, description="Contact properties to write, each a CEL expression")
    require: Annotated[
        dict[Name, Default | None],
        BeforeValidator(_required),
        AlsoWritten({"type": "array", "items": {"type": "string"}}),
    ] = Field(default={}, description="Properties that must not be empty, each with what is written there else")


class EnrollEntry(_Model):
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


class WorkflowEntry(_Model):
    """The workflow that the contact is put into."""

    id: HubSpotId = Field(description="Its flow id, in quotes: the number in its address in HubSpot")
    expires_after: Duration | None = Field(None, description="Who was not put into it by then is not put into it")
    delay: Duration | None = Field(None, description="How long nothing is done at first")


class DedupeEntry(_Model):
    """Why a person is contacted: one intent per person and period, whatever the source."""

    intent: Name | None = Field(None, description="The reason; the sequence itself when not given")
    period: Duration = Field(timedelta(days=30), alias="for", description="How long the intent is taken")


class ExpectEntry(_Model):
    """What an example must come to."""

    enroll: HubSpotId | None = None
    none: Literal[True] | None = None
    ignore: Literal[True] | None = None
    update: Literal[True] | None = None
    cancel: Literal[True] | None = None
    unenroll: Literal[True] | None = None
    workflow: HubSpotId | None = None


class ExampleEvent(_Model):
    """An event in an example; what is left out is absent."""

    id: Text | None = None
    type: str | None = None
    occurred_at: datetime | None = None
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    name: Text | None = None
    company: Text | None = None
    exit: bool = False
    data: dict[str, Any] = {}


class ExampleEntry(_Model):
    """A test beside the rule that it tests."""

    name: Text
    event: ExampleEvent
    expect: Annotated[
        ExpectEntry,
        BeforeValidator(_expected),
        AlsoWritten({"enum": list(EXPECTED)}),
    ]


class RuleEntry(_Model):
    """One rule: which events it listens to, and what follows."""

    id: Name
    description: str | None = None
    source: Text = Field(description="A name of `sources`")
    type: Types = Field(description="The event types it listens to")
    account: Name | None = Field(None, description="A name of `accounts`; needed where there are several")
    when: Cel | None = Field(None, description="The condition; without it every event of these types matches")
    continue_: bool = Field(default=False, alias="continue", strict=True, description="Look at later rules too")
    on_error: Literal["next", "stop"] = Field("next", description="What follows when the condition cannot be evaluated")
    ignore: bool = Field(default=False, strict=True, description="Do nothing, on purpose")
    update: bool = Field(default=False, strict=True, description="Write the contact, and nothing else")
    cancel: bool = Field(default=False, strict=True, description="End whatever waits for this person")
    unenroll: bool = Field(
        default=False, strict=True, description="The same, and take the contact out of the sequence that it is in"
    )
    workflow: WorkflowEntry | None = Field(None, description="Put the contact into a workflow")
    contact: ContactEntry = ContactEntry()
    priority: int = Field(
        0, ge=-1000, le=1000, strict=True, description="Of a person's enrollments the highest goes first"
    )
    owner: Text = Field(KEEP, description="Who the contact is given to: `keep`, `sender`, or a name of `senders`")
    overwrite: bool = Field(default=False, strict=True, description="Give it also where it has an owner")
    if_already_enrolled: IfEnrolled = Field(
        IfEnrolled.SKIP, description="What follows when it is in a sequence already"
    )
    enroll: EnrollEntry | None = None
    dedupe: DedupeEntry = DedupeEntry()
    examples: list[ExampleEntry] = []


class EndpointEntry(_Model):
    """A system of your own that is told what becomes of enrollments, by signed webhooks."""

    model_config = ConfigDict(json_schema_extra={"required": ["url", "secrets"]})

    url: Text = Field(description="Where events are posted to: http or https")
    secrets: list[Text] = Field(
        default=[], description='What signs, as "${NAME}": `whsec_` and base64; several while one is rotated'
    )
    events: list[OutboundKind] = Field(
        list(OutboundKind), min_length=1, description="What it is told of; everything when not given"
    )
    accounts: list[Name] | None = Field(None, min_length=1, description="Names of `accounts`; all when not given")


class RulesFile(_Model):
    """The whole file."""

    version: Literal[1]
    accounts: dict[Name, AccountEntry] = {}
    sources: dict[Name, SourceEntry] = {}
    senders: dict[Name, SenderEntry] = {}
    pools: dict[Name, PoolEntry] = {}
    windows: dict[Name, WindowEntry] = {}
    endpoints: dict[Name, EndpointEntry] = {}
    suppress: list[Annotated[Suppression, PlainValidator(_suppression), WithJsonSchema({"type": "string"})]] = []
    store_unheard: bool = Field(default=False, strict=True, description="Store events that no rule listens to, too")
    rules: list[RuleEntry] = []
