"""HubSpot's sequences and owners, and the senders of the rules, as rows for people and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from app.catalogue.pages import all_owners, all_sequences, all_users
from app.errors import HubSpotError, Refusal, StartError
from app.hubspot.api.details import sequence_details

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from app.hubspot.api.details import SequenceDetails, User
    from app.hubspot.api.sequences import Owner, Sequence
    from app.hubspot.client import HubSpotClient
    from app.model import Sender
    from app.senders.status import SenderStatus

OF_THE_TOKEN = frozenset({401, 429})  # refusals that would be the same for every user
MISSING_SCOPES = "MISSING_SCOPES"
Row: TypeAlias = dict[str, Any]
T = TypeVar("T")


async def listed_sequences(client: HubSpotClient, users: Mapping[str, str]) -> tuple[list[Row], dict[str, Refusal]]:
    """Return the sequences that `users` (user id to name) may send, or the token's own user where there are none.

    The second result are the users that HubSpot refuses, by name. Raises what the client raises.
    """
    chosen = users or await own_user(client)
    found: dict[str, Sequence] = {}
    seen: dict[str, list[str]] = {}
    refused: dict[str, Refusal] = {}
    for user_id, name in chosen.items():
        try:
            listed = await all_sequences(client, user_id)
        except Refusal as refusal:
            if refusal.status in OF_THE_TOKEN or refusal.code == MISSING_SCOPES:
                raise
            refused[name], listed = refusal, ()
        for sequence in listed:
            found[sequence.id] = sequence
            seen.setdefault(sequence.id, []).append(user_id)
    owners = await _owners_by_user(client)
    details = {one: await _readable(client.send(sequence_details(seen[one][0], one)), None) for one in found}
    rows = [
        _sequence_row(one, details[key], owners, [chosen[user] for user in seen[key]]) for key, one in found.items()
    ]
    return rows, refused


async def listed_owners(client: HubSpotClient) -> list[Row]:
    """Return the owners."""
    return [
        {"name": owner.name, "email": owner.email, "user_id": owner.user_id, "owner_id": owner.id}
        for owner in await all_owners(client)
    ]


async def listed_senders(
    client: HubSpotClient, senders: Iterable[Sender], statuses: Mapping[str, SenderStatus]
) -> list[Row]:
    """Return the senders of the rules: their owner, their seats where these may be read, and their status."""
    owners = await _owners_by_user(client)
    users = {user.id: user for user in await _readable(all_users(client), ())}
    return [
        _sender_row(one, owners.get(one.user_id), users.get(one.user_id), statuses.get(one.name)) for one in senders
    ]


async def own_user(client: HubSpotClient) -> dict[str, str]:
    """Return the token's own user, for rules without a sender. Raises StartError where it cannot be learned."""
    message = "there is no sender in the rules yet: name a --user; segue hubspot owners lists their user ids"
    try:
        user_id = (await client.token_info()).user_id
    except HubSpotError as error:
        raise StartError(message) from error
    if user_id is None:
        raise StartError(message)
    return {user_id: user_id}


async def _owners_by_user(client: HubSpotClient) -> dict[str, Owner]:
    owners = await _readable(all_owners(client), ())
    return {owner.user_id: owner for owner in owners if owner.user_id is not None}


async def _readable(read: Awaitable[T], otherwise: T) -> T:
    """Return what is read, or `otherwise` where the token may not read it, or HubSpot does not answer."""
    try:
        return await read
    except HubSpotError:
        return otherwise


def _sequence_row(
    sequence: Sequence, details: SequenceDetails | None, owners: Mapping[str, Owner], senders: list[str]
) -> Row:
    owner = owners.get(sequence.user_id or "")
    settings = details.settings if details else None
    return {
        "id": sequence.id,
        "name": sequence.name,
        "owner": (owner.name or owner.email or owner.id) if owner else sequence.user_id,
        "steps": [step.kind for step in details.steps] if details else None,
        "sends": f"{clock(settings.opens_minute)}-{clock(settings.closes_minute)}" if settings else None,
        "follow_up_days": settings.days if settings else None,
        "edited_at": sequence.updated_at.isoformat() if sequence.updated_at else None,
        "seen_by": senders,
    }


def _sender_row(one: Sender, owner: Owner | None, user: User | None, status: SenderStatus | None) -> Row:
    return {
        "name": one.name,
        "user_id": one.user_id,
        "owner_id": owner.id if owner else None,
        "owner": owner.name or owner.email if owner else None,
        "inbox": one.email,
        "alias": one.alias,
        "seats": list(user.seats) if user and user.seats is not None else None,
        "left": status.left if status else None,
        "limit": status.limit if status else None,
        "paused": (status.paused_at is not None) if status else None,
    }


def clock(minute: int | None) -> str:
    """Return a minute of the day as wall clock, `?` where it is not known."""
    return "?" if minute is None else f"{minute // 60:02}:{minute % 60:02}"
