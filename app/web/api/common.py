"""What the resources of `/api/v1` share: their router, parameters, pages, and the problems that they answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, Field

from app.model import Filters
from app.people.addresses import listed_address
from app.web.auth import ANSWERS
from app.web.fields import STORABLE
from app.web.problems import Problem

LIMIT = 50
MAXIMUM_LIMIT = 200
UNREADABLE: dict[int | str, dict[str, Any]] = {400: {"description": "The body is no JSON in UTF-8"}}
PROBLEMS: dict[int | str, dict[str, Any]] = {**ANSWERS, 404: {"description": "Nothing has this id"}}


def _listed(email: str) -> str:
    """Return the address under which a person is listed. A blank one must not list all rows."""
    listed = listed_address(email)
    if listed is None:
        raise ValueError("it is blank: name an address")
    return listed


Identity = Annotated[str, Path(pattern=STORABLE)]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT)]
Name = Annotated[str | None, Query(max_length=200, pattern=STORABLE)]
Account = Annotated[
    str | None,
    Query(max_length=200, pattern=STORABLE, description="A name of `accounts`; needed where there are several"),
]
Email = Annotated[
    str,
    Field(min_length=1, max_length=320, pattern=STORABLE, description="The person's address"),
    AfterValidator(_listed),
]
Text = Annotated[str | None, Field(max_length=200, pattern=STORABLE)]
Row = TypeVar("Row", bound=BaseModel)
T = TypeVar("T")


class Search(BaseModel, extra="forbid"):
    """Whose rows are listed, in a body: URLs end up in the logs of proxies, and an address must not."""

    email: Email
    source: Text = None
    limit: int = Field(LIMIT, ge=1, le=MAXIMUM_LIMIT)

    def filters(self, **more: Any) -> Filters:
        """Return what the list is narrowed to; it reads one row more than the page has."""
        return Filters(email=self.email, source=self.source, limit=self.limit + 1, **more)


class Page(BaseModel, Generic[Row]):
    """One page of a list; `next_cursor` asks for the next one, null on the last."""

    items: list[Row]
    next_cursor: str | None


def resource() -> APIRouter:
    """Return the router of one resource of `/api/v1`, without routes."""
    return APIRouter(prefix="/api/v1", tags=["api"], responses=PROBLEMS)


def page(rows: Sequence[Mapping[str, Any]], limit: int, *, key: str = "id") -> dict[str, Any]:
    """Return one page of `rows`, of which the caller reads one more than `limit`: that one proves another page.

    `key` is the column by which the list is sorted; its last value is the next cursor.
    """
    items = list(rows[:limit])
    return {"items": items, "next_cursor": items[-1][key] if len(rows) > limit else None}


def or_404(found: T | None, id_: str) -> T:
    """Return what was found by an id. Raises Problem where there is nothing."""
    if found is None:
        raise Problem(404, "not-found", f"Nothing has the id {id_[:100]!r}.")
    return found
