"""`/api/v1/sequences` and `/api/v1/owners`: what HubSpot has for rules to name, and how old that is."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.catalogue.cache import AGAIN_SECONDS, FRESH_SECONDS, Catalogue, Listing
from app.catalogue.listing_store import keep_listing
from app.web.api.common import Account, resource
from app.web.problems import Problem

if TYPE_CHECKING:
    from app import model
    from app.hubspot.client import HubSpotClient
    from app.process import Process

MaximumAge = Annotated[
    int,
    Query(
        ge=AGAIN_SECONDS,
        le=86_400,
        description="In seconds. A list that is older is read again; `trouble` says why it could not be",
    ),
]
AGED: dict[str, Any] = {
    "account": "main",
    "read_at": "2026-11-23T09:00:00Z",
    "age_seconds": 41.5,
    "trouble": None,
}
SEQUENCE: dict[str, Any] = {
    "id": "310001",
    "name": "Demo request",
    "owner": "Anna Archer",
    "steps": ["EMAIL", "TASK", "EMAIL"],
    "sends": "09:00-17:00",
    "follow_up_days": "BUSINESS_DAYS",
    "edited_at": "2026-11-20T09:00:00Z",
    "seen_by": ["anna", "ben"],
}
OWNER: dict[str, Any] = {"name": "Anna Archer", "email": "anna@acme.example", "user_id": "7001", "owner_id": "501"}


class SequenceRow(BaseModel, json_schema_extra={"example": SEQUENCE}):
    """One sequence: what it is made of, when it sends (on the clock of the sender), and which senders may send it.

    `steps`, `sends` and `follow_up_days` are null where HubSpot does not say.
    """

    id: str
    name: str
    owner: str | None
    steps: list[str] | None
    sends: str | None
    follow_up_days: str | None
    edited_at: datetime | None
    seen_by: list[str]


class OwnerRow(BaseModel, json_schema_extra={"example": OWNER}):
    """One owner. `user_id` is what a sender in the rules wants, `owner_id` what contacts name."""

    name: str | None
    email: str | None
    user_id: str | None
    owner_id: str


class Aged(BaseModel):
    """What HubSpot listed at `read_at`; `trouble` says why there is nothing newer, null where it was fresh enough."""

    account: str
    read_at: datetime
    age_seconds: float
    trouble: str | None


class SequenceList(Aged, json_schema_extra={"example": AGED | {"items": [SEQUENCE], "unlisted": {}}}):
    """Sequences. `unlisted` has the senders for which HubSpot lists nothing, each with its reason."""

    items: list[SequenceRow]
    unlisted: dict[str, str]


class OwnerList(Aged, json_schema_extra={"example": AGED | {"items": [OWNER]}}):
    """Owners."""

    items: list[OwnerRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, catalogue = resource(), catalogue_of(process)

    @router.get("/sequences", response_model=SequenceList)
    async def sequences(account: Account = None, max_age: MaximumAge = FRESH_SECONDS) -> Listing:
        """List the sequences that the senders of the rules may send."""
        return _found(await catalogue.sequences(account, max_age=max_age))

    @router.get("/owners", response_model=OwnerList)
    async def owners(account: Account = None, max_age: MaximumAge = FRESH_SECONDS) -> Listing:
        """List the owners with their two ids."""
        return _found(await catalogue.owners(account, max_age=max_age))

    return router


def catalogue_of(process: Process) -> Catalogue:
    """Return the catalogue. It opens its own connection to each account that an operator asks about."""

    async def open_client(account: model.Account) -> HubSpotClient:
        def latest() -> model.Account:
            book = process.rulebook.current
            return (book and book.account_named(account.name)) or account

        rate_limit = process.rate_limit(process.stack, account)
        return await process.client(process.stack, account.name, rate_limit, latest)

    return Catalogue(open_client, lambda: process.rulebook.current, keep=partial(keep_listing, process.engine))


def _found(listing: Listing | None) -> Listing:
    if listing is None:
        raise Problem(404, "not-found", "No account of the rules in force is called so; name one where there are more.")
    return listing
