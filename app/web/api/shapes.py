"""The shapes of what operators ask `/api/v1` to do, and of what it answers, with an example each for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.model import NO_OUTCOME
from app.people.addresses import normalise

Storable = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]*$")]  # PostgreSQL knows no NUL character
SUPPRESSION: dict[str, Any] = {
    "kind": "domain",
    "value": "competitor.example",
    "reason": "asked by legal",
    "created_at": "2026-11-23T09:00:00.102000Z",
}


def _person(written: str) -> str:
    """Return the address that enrollments are kept under. What is none stands for nobody, and never for everybody."""
    address = normalise(written)
    if address is None:
        raise ValueError("this is no e-mail address")
    return address


Person = Annotated[Storable, AfterValidator(_person)]


class Whose(BaseModel):
    """Whose enrollments are meant: a person's, a rule's, or (both) a person's by that rule."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}})

    email: Person | None = Field(None, max_length=320, description="The person's address")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.email and not self.rule:
            raise ValueError("name an email, a rule, or both")
        return self


class Parked(BaseModel):
    """Which parked enrollments are meant: all that fit everything that is named."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "DISCONNECTED_INBOX", "sender": "anna"}}
    )

    reason: Storable | None = Field(None, max_length=200, description="Why they are parked")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")
    sender: Storable | None = Field(None, max_length=200, description="The sender's name")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.reason and not self.rule and not self.sender:
            raise ValueError("name a reason, a rule, a sender, or several of them")
        if self.reason == NO_OUTCOME:
            raise ValueError(
                "HubSpot does not tell who is in a workflow: look at each of them, and release it by its id"
            )
        return self


class Released(BaseModel):
    """How many were released."""

    model_config = ConfigDict(json_schema_extra={"example": {"released": 12}})

    released: int


class Cancelled(BaseModel):
    """How many were cancelled."""

    model_config = ConfigDict(json_schema_extra={"example": {"cancelled": 12}})

    cancelled: int


class NewSuppression(BaseModel):
    """Who is never to be enrolled, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"value": "competitor.example", "reason": "asked by legal"}}
    )

    value: Storable = Field(max_length=320, description="An address, a domain, or a pattern with `*`")
    reason: Storable | None = Field(None, max_length=1000)


class SuppressionRow(BaseModel):
    """One entry: an address, a domain (everybody at exactly this one), or a pattern."""

    model_config = ConfigDict(json_schema_extra={"example": SUPPRESSION})

    kind: str
    value: str
    reason: str | None
    created_at: datetime


class KeptSuppression(SuppressionRow):
    """What is kept now. Where it was there before (`added` is false), since when, and for what reason."""

    model_config = ConfigDict(json_schema_extra={"example": SUPPRESSION | {"added": True}})

    added: bool


class SuppressionPage(BaseModel):
    """One page of entries, by value."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [SUPPRESSION], "next_cursor": None}})

    items: list[SuppressionRow]
    next_cursor: str | None
