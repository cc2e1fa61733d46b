"""HubSpot's paged lists, read to the end: for commands that a person waits for, not for work on enrollments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from app.hubspot.api.details import list_users
from app.hubspot.api.sequences import list_owners, list_sequences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from app.hubspot.api.call import Call
    from app.hubspot.api.details import User
    from app.hubspot.api.sequences import Owner, Sequence
    from app.hubspot.client import HubSpotClient

MAXIMUM_PAGES = 100  # of 100 entries: limits an answer that always names another page


class _Page(Protocol):
    """One page; `after` asks for the next."""

    @property
    def after(self) -> str | None:
        """What asks for the next one, None at the end."""


P = TypeVar("P", bound=_Page)


async def all_owners(client: HubSpotClient, *, archived: bool = False) -> tuple[Owner, ...]:
    """Return all owners, or all archived ones. Like the others, it raises what `HubSpotClient.send` raises."""
    pages = _pages(client, partial(list_owners, archived=archived))
    return tuple([owner async for page in pages for owner in page.owners])


async def all_users(client: HubSpotClient) -> tuple[User, ...]:
    """Return all users with their seats."""
    return tuple([user async for page in _pages(client, list_users) for user in page.users])


async def all_sequences(client: HubSpotClient, user_id: str) -> tuple[Sequence, ...]:
    """Return all sequences that a user may send."""
    pages = _pages(client, partial(list_sequences, user_id))
    return tuple([sequence async for page in pages for sequence in page.sequences])


async def _pages(client: HubSpotClient, call: Callable[[str | None], Call[P]]) -> AsyncIterator[P]:
    after: str | None = None
    for _ in range(MAXIMUM_PAGES):
        page = await client.send(call(after))
        yield page
        after = page.after
        if after is None:
            return
