"""HubSpot's lists of one account: for commands that a person waits for, not for work on enrollments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.hubspot.api.details import list_users
from app.hubspot.api.sequences import list_owners, list_sequences
from app.hubspot.pages import read_pages

if TYPE_CHECKING:
    from app.hubspot.api.details import User
    from app.hubspot.api.sequences import Owner, Sequence
    from app.hubspot.client import HubSpotClient


async def all_owners(client: HubSpotClient, *, archived: bool = False) -> tuple[Owner, ...]:
    """Return all owners, or all archived ones. Like the others, it raises what `HubSpotClient.send` raises."""
    return await read_pages(client, partial(list_owners, archived=archived))


async def all_users(client: HubSpotClient) -> tuple[User, ...]:
    """Return all users with their seats."""
    return await read_pages(client, list_users)


async def all_sequences(client: HubSpotClient, user_id: str) -> tuple[Sequence, ...]:
    """Return all sequences that a user may send."""
    return await read_pages(client, partial(list_sequences, user_id))
