"""The rules file as the operator writes it. Unknown keys are errors; descriptions are what an editor shows."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from app.model import OF_SENDER, OutboundKind, Pick, Sticky
from app.people.suppression import Suppression
from app.rules.file import values
from app.rules.file.account_entries import AccountEntry
from app.rules.file.rule_entries import RuleEntry
from app.rules.file.values import AlsoWritten, Duration, Entry, HubSpotId, Name, Silence, Text, Zone


class SecretEntry(Entry):
    """A secret that is accepted until `not_after`."""

    value: Text
    not_after: AwareDatetime | None = Field(None, description="From when it no longer verifies, with its time zone")


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
    silence: Silence | None = Field(
        None,
        description="For how long it may send nothing until it counts as silent, or `off`; else as it usually sends",
    )


class SenderEntry(Entry):
    """Who sequences are sent by."""

    user_id: HubSpotId = Field(description="HubSpot's user id, not the owner id")
    email: Text = Field(description="The inbox connected to HubSpot")
    alias: Text | None = Field(None, description="An alias of that inbox, from which the e-mail goes out")
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
    holidays: list[
        Annotated[
            date | str,
            PlainValidator(values.holiday),
            WithJsonSchema({"type": "string", "examples": ["2026-12-25", "US", "DE-BY"]}),
        ]
    ] = Field(default=[], description="When it stays closed: days, and countries or parts of them for their holidays")
    spread: Duration = Field(timedelta(minutes=30), description="Over how long those are released who waited for it")


Domains = list[Annotated[str, BeforeValidator(values.domain), WithJsonSchema({"type": "string"})]]


class DomainListEntry(Entry):
    """Changes to a list of domains that comes with Segue."""

    add: Domains = Field(default=[], description="Domains that belong to it, too")
    remove: Domains = Field(default=[], description="Domains that do not belong to it")


class AddressesEntry(Entry):
    """What the domains of addresses say."""

    free_mail: DomainListEntry = Field(
        default=DomainListEntry(), description="Where anyone gets an address: is_free_mail(), `sticky: company`"
    )
    disposable: DomainListEntry = Field(
        default=DomainListEntry(), description="Where addresses end by themselves: is_disposable()"
    )


class EndpointEntry(Entry):
    """A system of your own that learns what becomes of enrollments, by signed webhooks."""

    model_config = ConfigDict(json_schema_extra={"required": ["url", "secrets"]})

    url: Text = Field(description="Where events are posted to: http or https")
    secrets: list[Text] = Field(
        default=[], description='What signs, as "${NAME}": `whsec_` and base64; several while one is rotated'
    )
    events: list[OutboundKind] = Field(
        list(OutboundKind), min_length=1, description="The events that it gets; all when not given"
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
    addresses: AddressesEntry = Field(default=AddressesEntry(), description="Changes to the lists of domains")
    suppress: list[Annotated[Suppression, PlainValidator(values.suppression), WithJsonSchema({"type": "string"})]] = (
        Field(default=[])
    )
    store_unheard: bool = Field(default=False, strict=True, description="Store events that no rule listens to, too")
    rules: list[RuleEntry] = Field(default=[])
