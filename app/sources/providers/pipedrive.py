"""Pipedrive: persons, deals and leads that were added, changed or deleted.

Source: pipedrive.readme.io (webhooks v2 guide and migration guide) and a published capture of v1. Pipedrive supports
Basic only, and must not be redirected. Of v2 only the envelope is documented well: `map:` names other fields.

Deals, activities, leads and notes name a person by id. developers.pipedrive.com (persons, API v2): GET
/api/v2/persons/{id}; pipedrive.readme.io/docs/core-api-concepts-authentication: the token in `x-api-token`, at the
company's domain or at api.pipedrive.com; .../core-api-concepts-rate-limiting: a daily budget and a limit per 2 seconds.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from app.model import Delivery, Event, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import EPOCH, body_digest, find, first_text, id_at, instant, required, text, tuple_or_digest
from app.sources.options import TokenOptions, options_of
from app.sources.person_lookup import PersonLookup, PersonProvider, by_id

if TYPE_CHECKING:
    from app.sources.person_fields import Person

LATEST_MICROSECONDS = 10**17  # the year 5138


class PipedriveOptions(TokenOptions):
    """Keys of a Pipedrive source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="The API token of a user who sees all persons: it finds the address of a person's id.",
    )
    company_domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = Field(
        default="api", description="The first label of the account's address, where api.pipedrive.com is not wanted."
    )


def _person(subject: Any) -> Person:
    return {
        "email": _primary(subject),
        "first_name": text(subject, "first_name"),
        "last_name": text(subject, "last_name"),
        "name": first_text(text(subject, "name"), text(subject, "person_name")),
        "company": first_text(text(subject, "org_name"), text(subject, "org", "name")),
    }


class Pipedrive(PersonProvider, CredentialProvider):
    """Five fields of `meta` identify a v1 event, whose `meta.id` is the object's; id, entity and time a v2 event."""

    name = "pipedrive"
    Options = PipedriveOptions
    credential = Credential("basic")
    hosts = frozenset({"*.pipedrive.com"})
    thin_types = re.compile(r".*\.(deal|activity|lead|note)")
    person = PersonLookup(
        path=by_id(
            "/api/v2/persons/{}",
            ("data", "person_id"),
            ("current", "person_id"),
            ("previous", "person_id"),
            ("data", "participants", 0, "person_id"),
            ("current", "participants", 0, "person_id"),
        ),
        headers=lambda token: {"x-api-token": token},
        within=("data",),
        read=_person,
        per_minute=240,
    )

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the company, or the one of all companies."""
        return f"{options_of(config, PipedriveOptions).company_domain}.pipedrive.com"

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event, `added.person` in v1 and `create.person` in v2."""
        meta = find(body, "meta")
        second = find(body, "current") is None and find(meta, "entity") is not None
        subject = find(body, "data") if second else find(body, "current") or find(body, "previous")
        kind = f"{required(body, 'meta', 'action')}.{required(body, 'meta', 'entity' if second else 'object')}"
        return Event(
            source=config.name,
            type=kind,
            dedupe=_second(meta, delivery) if second else _first(meta, kind, delivery),
            id=id_at(meta, "id") if second else None,
            occurred_at=_moment(meta),
            data=body,
            exit=kind in {"deleted.person", "delete.person"},
            **_person(subject),
        )


def _first(meta: Any, kind: str, delivery: Delivery) -> tuple[str, ...]:
    names = ("webhook_id", "object", "id", "action", "timestamp_micro")
    known = tuple_or_digest(kind, *[id_at(meta, name) for name in names], body=delivery.body)
    return known[1:]


def _second(meta: Any, delivery: Delivery) -> tuple[str, ...]:
    # It is not proven that the id is the change's own, so entity and time are added to it.
    known = id_at(meta, "id") or body_digest(delivery.body)
    return (known, id_at(meta, "entity_id") or "", id_at(meta, "timestamp") or "")


def _moment(meta: Any) -> datetime | None:
    exact = find(meta, "timestamp_micro")
    if isinstance(exact, int) and 0 < exact < LATEST_MICROSECONDS:
        return EPOCH + timedelta(microseconds=exact)
    return instant(meta, "timestamp")


def _primary(subject: Any) -> str | None:
    """Return the address that is marked as primary, else the first one."""
    listed = first if isinstance(first := find(subject, "email") or find(subject, "emails"), list) else []
    chosen = [text(row, "value") for row in listed if find(row, "primary") is True]
    return first_text(*chosen, *[text(row, "value") for row in listed], text(subject, "email"))


PROVIDER = Pipedrive()
