"""One request to HubSpot as a value, and what every successful reply has in common. Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from app.errors import OutcomeUnknown
from app.hubspot.api.refusals import raise_for
from app.hubspot.api.replies import items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.hubspot.api.replies import Reply

DEFAULT_VERSION = "2026-03"  # paths are date-versioned; `v4` of the sequences API is unsupported from 2027-03-30
NOT_FOUND = 404
PAGE_LIMIT = 100  # no maximum is stated; 100 is known to work

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One request and how its reply is read.

    `route` is the template of the path, for logs too: neither ids nor addresses stand in it. `parts` fill it, except
    for `{version}`, which the client knows. `parse` returns the value or raises Refusal or OutcomeUnknown. `bearer`
    says that the token goes with it. `kind` names the HubSpot limit that it counts for: `general`, or `search`, which
    counts for both.
    """

    route: str
    method: str
    parse: Callable[[Reply], T_co]
    parts: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)  # it holds people, and in one call a token
    bearer: bool = True
    kind: str = "general"

    def path(self, version: str) -> str:
        """Return the path for one version of HubSpot's API, each part escaped."""
        parts = {"version": version, **self.parts}
        return self.route.format_map({name: quote(part, safe="") for name, part in parts.items()})


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `after` asks for the next one, None at the end."""

    items: tuple[T, ...]
    after: str | None


def accepted(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of a successful reply. Raises Refusal or OutcomeUnknown; a torn body is OutcomeUnknown."""
    if not reply.ok:
        raise_for(reply)
    body = reply.json()
    if not isinstance(body, dict):
        raise unreadable(reply)
    return body


def unreadable(reply: Reply) -> OutcomeUnknown:
    """Return the error for a success whose body lacks what it should say: what HubSpot did is unknown."""
    return OutcomeUnknown(f"HubSpot answered {reply.status}, but its answer cannot be read")


def paging(after: str | None) -> tuple[tuple[str, str], ...]:
    """Return the query that asks for the page `after`; the first page needs none."""
    return (("after", after),) if after else ()


def page(reply: Reply, read: Callable[[dict[str, Any]], T | None]) -> Page[T]:
    """Return the page that a reply holds, without the entries of which `read` makes nothing."""
    body = accepted(reply)
    found = tuple(entry for item in items(body.get("results")) if (entry := read(item)) is not None)
    return Page(found, text(mapping(mapping(body.get("paging")).get("next")).get("after")))
