"""Accounts as the operator writes them. Unknown keys are errors; descriptions are what an editor shows."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ConfigDict, Field

from app.rules.file.values import Duration, Entry, HubSpotId, Name, Text, Zone


class CapEntry(Entry):
    """A cap on how often one person is enrolled."""

    enrollments: int = Field(ge=1, le=1000, strict=True, description="How many at most")
    period: Duration = Field(alias="per", description="In any period of this length")


class WriteBackEntry(Entry):
    """Contact properties that say why a contact was enrolled; one that HubSpot refuses is left out."""

    source: Name | None = None
    rule: Name | None = None
    decision: Name | None = None


class UnenrollEntry(Entry):
    """How contacts are taken out of sequences: by a workflow of the account's, which one of two ways sets going."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["property"]}, {"required": ["workflow"]}]})

    contact_property: Name | None = Field(
        None, alias="property", description="The contact property by whose becoming known the workflow starts"
    )
    value: Text = Field("true", description="What is written there")
    workflow: HubSpotId | None = Field(None, description="Or the workflow's flow id: contacts are put into it")
    takes: Duration = Field(timedelta(minutes=2), description="Before this it may still act: its end is not looked for")
    within: Duration = Field(timedelta(minutes=15), description="After this an operator must look why it did not act")


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
    unenroll: UnenrollEntry | None = Field(None, description="How contacts are taken out of sequences")
    contact_timezone: Name = Field("hs_timezone", description="The contact property that holds a contact's time zone")
