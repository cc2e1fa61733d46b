"""The rules file as the operator writes it. Unknown keys are errors; descriptions are what an editor shows."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    create_model,
)

from app.model import KEEP, OF_SENDER, IfEnrolled, OutboundKind, Pick, Sticky
from app.people.suppression import Suppression
from app.rules.actions import ACTIONS
from app.rules.file import values
from app.rules.file.values import AlsoWritten, Cel, Default, Duration, Entry, HubSpotId, Name, Text, Types, Zone


class SecretEntry(Entry):
    """A secret that is accepted until `not_after`."""

    value: Text
    not_after: AwareDatetime | None = Field(None, description="From when it no longer verifies, with its time zone")


class CapEntry(Entry):
    """A cap on how often one person is enrolled."""

    enrollments: int = Field(ge=1, le=1000, strict=True, description="How many at most")
    period: Duration = Field(alias="per", description="In any period of this length")


class WriteBackEntry(Entry):
    """Contact properties that say why a contact was enrolled; one that HubSpot refuses is left out."""

    source: Name | None = None
    rule: Name | None = None
    decision: Name | None = None


class BridgeEntry(Entry):
    """How contacts are taken out of sequences: by a workflow of the account's, which one of two ways sets going."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["property"]}, {"required": ["workflow"]}]})

    contact_property: Name | None = Field(
        None, alias="property", description="The contact property by whose becoming known the workflow starts"
    )
    value: Text = Field("true", description="What is written there")
    workflow: HubSpotId | None = Field(None, description="Or the workflow's flow id: contacts are put into it")
    takes: Duration = Field(timedelta(minutes=2), description="Before this it may still act: its end is not looked for")
    within: Duration = Field(timedelta(minutes=15), description="After this somebody must look why it did not act")


class AccountEntry(Entry):
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


class MapEntry(Entry):
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
            BeforeValidator(values.secret),
            AlsoWritten({"type": "string"}),
        ]
    ] = Field(default=[], description='Accepted secrets, as "${NAME}"; several while one is rotated')
    map: MapEntry = Field(default=MapEntry(), description="Where the sender puts an event's fields")
    account: Name | None = Field(
        None, description="The only HubSpot account in which its events are looked up; else each event's own"
    )


class SenderEntry(Entry):
    """Who sequences are sent by."""

    user_id: HubSpotId = Field(description="HubSpot's user id, not the owner id")
    email: Text = Field(description="The inbox connected to HubSpot")
    daily: int | None = Field(None, ge=1, le=1000, strict=True, description="Enrollments in any 24 hours, 1000 at most")
    timezone: Zone | None = Field(None, description="Its time zone, like Europe/Berlin")


class PoolEntry(Entry):
    """Several senders who share work."""

    pick: Pick = Field(Pick.MOST_LEFT, description="Who is taken")
    senders: Annotated[
        dict[Name, Annotated[int, Field(ge=1, le=1000, strict=True)]],
        BeforeValidator(values.members),
        AlsoWritten({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        Field(min_length=1, description="Names of `senders`, or a mapping of them to their weights"),
    ]
    sticky: Sticky = Field(Sticky.CONTACT, description="Who stays with the sender that was chosen first")


class WindowEntry(Entry):
    """When enrollments may start."""

    days: Annotated[
        frozenset[int], BeforeValidator(values.days), WithJsonSchema({"type": "string", "examples": ["mon-fri"]})
    ]
    hours: Annotated[
        tuple[time, time],
        BeforeValidator(values.hours),
        WithJsonSchema({"type": "string", "examples": ["09:00-17:00"]}),
    ]
    timezone: Annotated[Text, BeforeValidator(values.whose_zone)] = Field(
        OF_SENDER, description="Whose clock it goes by: `sender`, `contact`, or a time zone"
    )
    otherwise: Zone | None = Field(None, description="The time zone of a sender or contact that has none")
    holidays: frozenset[date] = Field(frozenset(), description="Days on which it stays closed")
    spread: Duration = Field(timedelta(minutes=30), description="Over how long those are released who waited for it")


class ContactEntry(Entry):
    """What happens to the contact before it is enrolled."""

    set: dict[Name, Cel] = Field(default={}, description="Contact properties to write, each a CEL expression")
    require: Annotated[
        dict[Name, Default | None],
        BeforeValidator(values.required),
        AlsoWritten({"type": "array", "items": {"type": "string"}}),
    ] = Field(default={}, description="Properties that must not be empty, each with what is written there else")


class DedupeEntry(Entry):
    """Why a person is contacted: one intent per person and period, whatever the source."""

    intent: Name | None = Field(None, description="The reason; the sequence itself when not given")
    period: Duration = Field(timedelta(days=30), alias="for", description="How long the intent is taken")


FLAGS = ("none", *(name for name, action in ACTIONS.items() if action.is_flag))


def _expected(value: object) -> object:
    if isinstance(value, str) and value not in FLAGS:
        flags = ", ".join(f"`{name}`" for name in FLAGS)
        named = (f'{{{name}: "{action.example}"}}' for name, action in ACTIONS.items() if not action.is_flag)
        raise ValueError(f"write {flags}, or what it is directed at as {' or '.join(named)}")
    return {value: True} if isinstance(value, str) else value


class _Expected(Entry):
    """What an example must come to: no action, or one of those below."""

    none: Literal[True] | None = None

    def named(self) -> tuple[str, str]:
        """Return the verdict that is expected, and what it is directed at, empty where it names nothing."""
        for name in ACTIONS:
            if value := getattr(self, name):
                return name, "" if value is True else value
        return "none", ""


if TYPE_CHECKING:
    ExpectEntry = _Expected  # the actions' own fields are read by their names
else:
    ExpectEntry = create_model(
        "ExpectEntry",
        __base__=_Expected,
        __doc__=_Expected.__doc__,
        **{name: (Literal[True] | None if one.is_flag else one.expected | None, None) for name, one in ACTIONS.items()},
    )


class ExampleEvent(Entry):
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
    data: dict[str, Any] = Field(default={})


class ExampleEntry(Entry):
    """A test beside the rule that it tests."""

    name: Text
    event: ExampleEvent
    expect: Annotated[
        ExpectEntry,
        BeforeValidator(_expected),
        AlsoWritten({"enum": list(FLAGS)}),
    ]


class RuleKeys(Entry):
    """The keys of a rule beside what it does."""

    id: Name
    description: str | None = None
    source: Text = Field(description="A name of `sources`")
    type: Types = Field(description="The event types it listens to")
    account: Name | None = Field(None, description="A name of `accounts`; needed where there are several")
    when: Cel | None = Field(None, description="The condition; without it every event of these types matches")
    continue_: bool = Field(default=False, alias="continue", strict=True, description="Look at later rules too")
    on_error: Literal["next", "stop"] = Field("next", description="What follows when the condition cannot be evaluated")
    contact: ContactEntry = ContactEntry()
    priority: int = Field(
        0, ge=-1000, le=1000, strict=True, description="Of a person's enrollments the highest goes first"
    )
    owner: Text = Field(KEEP, description="Who the contact is given to: `keep`, `sender`, or a name of `senders`")
    overwrite: bool = Field(default=False, strict=True, description="Give it also where it has an owner")
    if_already_enrolled: IfEnrolled = Field(
        IfEnrolled.SKIP, description="What follows when it is in a sequence already"
    )
    dedupe: DedupeEntry = DedupeEntry()
    examples: list[ExampleEntry] = Field(default=[])

    def actions(self) -> list[str]:
        """Return the names of what the rule does: one, where it is right."""
        return [name for name in ACTIONS if getattr(self, name)]


if TYPE_CHECKING:
    RuleEntry = RuleKeys  # the actions' own fields are read by their names
else:
    RuleEntry = create_model(
        "RuleEntry",
        __base__=RuleKeys,
        __doc__="One rule: which events it listens to, and what follows.",
        **{name: action.field() for name, action in ACTIONS.items()},
    )


class EndpointEntry(Entry):
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


class RulesFile(Entry):
    """The whole file."""

    version: Literal[1]
    accounts: dict[Name, AccountEntry] = Field(default={})
    sources: dict[Name, SourceEntry] = Field(default={})
    senders: dict[Name, SenderEntry] = Field(default={})
    pools: dict[Name, PoolEntry] = Field(default={})
    windows: dict[Name, WindowEntry] = Field(default={})
    endpoints: dict[Name, EndpointEntry] = Field(default={})
    suppress: list[Annotated[Suppression, PlainValidator(values.suppression), WithJsonSchema({"type": "string"})]] = (
        Field(default=[])
    )
    store_unheard: bool = Field(default=False, strict=True, description="Store events that no rule listens to, too")
    rules: list[RuleEntry] = Field(default=[])
