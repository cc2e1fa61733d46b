"""HubSpot's lists, read page by page to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.api.call import Call, Page
    from app.hubspot.client import HubSpotClient

MAXIMUM_PAGES = 100  # of 100 entries: limits an answer that always names another page

T = TypeVar("T")


async def read_pages(client: HubSpotClient, call: Callable[[str | None], Call[Page[T]]]) -> tuple[T, ...]:
    """Return the entries of all pages that `call` requests. Raises what `HubSpotClient.send` raises."""
    found: list[T] = []
    after: str | None = None
    for _ in range(MAXIMUM_PAGES):
        page = await client.send(call(after))
        found += page.items
        if (after := page.after) is None:
            break
    return tuple(found)
