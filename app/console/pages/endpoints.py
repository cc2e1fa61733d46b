"""Endpoints: whether the operator's own systems take what is sent to them, what waits, and what was sent last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.clock import utc_now
from app.console import endpoint_changes as changes
from app.console.endpoint_words import all_in_words, mark_of, message_mark, sentence, state_in_words
from app.console.lists import PAGE_ROWS, Listed, Slice, sliced
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit, not_there
from app.masking import masked_text
from app.operators import Role
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.status import LEFT, EndpointStatuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.outbound.status import EndpointStatus


@dataclass(frozen=True, slots=True)
class Line:
    """One endpoint. `word` says how it stands; `waiting` includes what is on its way."""

    name: str
    page: str
    url: str | None
    events: Sequence[str]
    accounts: Sequence[str] | None
    mark: str
    word: str
    waiting: int
    failed: int
    oldest_seconds: float
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True)
class EndpointsPage:
    """All endpoints."""

    sentence: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Message:
    """One event for the endpoint, without its body."""

    id: str
    at: datetime
    kind: str
    mark: str
    state: str
    tries: int
    answer: str | None
    enrollment_id: str | None


@dataclass(frozen=True, slots=True)
class EndpointPage:
    """One endpoint, and the events for it. `since` is what the form for sending again proposes, in the page's zone."""

    sentence: str
    endpoint: Line
    messages: Slice[Message]
    may_change: bool
    may_enable: bool
    since: str


def pages(console: Console) -> Pages:
    """Return both pages, and what operators change."""
    pages, store = Pages(Place("Endpoints", "Set up", 50)), OutboundOperatorStore(console.reads)
    statuses = EndpointStatuses(store, console.process.rulebook.endpoints, utc_now)

    @pages.show("/endpoints", "endpoints.html", live=LIVE_SECONDS)
    async def endpoints(visit: Visit) -> EndpointsPage:
        found = await statuses.all()
        return EndpointsPage(all_in_words(found), [_line(one, visit) for one in found])

    @pages.show("/endpoints/{endpoint}", "endpoint.html", live=LIVE_SECONDS)
    async def endpoint(visit: Visit) -> EndpointPage:
        name, asked = visit.parameters["endpoint"], visit.query(Listed)
        found = next((one for one in await statuses.all() if one.name == name), None)
        rows = await store.page({"endpoint": name}, asked.before, PAGE_ROWS + 1, above=asked.after)
        if found is None and not rows:
            raise not_there("endpoint of this name")
        messages = [_message(row) for row in rows]
        return _page(visit, name, found, sliced(messages, [one.id for one in messages], asked, visit))

    changes.add(pages, console, statuses)
    return pages


def _page(visit: Visit, name: str, status: EndpointStatus | None, messages: Slice[Message]) -> EndpointPage:
    shown = status or changes.unknown(name)
    in_rules = shown.state != LEFT
    return EndpointPage(
        sentence=sentence(shown, visit.now, visit.zone),
        endpoint=_line(shown, visit),
        messages=messages,
        may_change=visit.may(Role.OPERATOR) and in_rules,
        may_enable=visit.may(Role.OPERATOR) and changes.may_be_enabled(shown),
        since=changes.usual_since(visit).strftime(changes.LOCAL),
    )


def _line(status: EndpointStatus, visit: Visit) -> Line:
    return Line(
        name=status.name,
        page=f"{ROOT}/endpoints/{status.name}",
        url=status.url,
        events=status.events,
        accounts=status.accounts,
        mark=mark_of(status),
        word=state_in_words(status, visit.now, visit.zone),
        waiting=status.waiting,
        failed=status.failed,
        oldest_seconds=status.oldest_seconds,
        last_success_at=status.last_success_at,
        last_error=masked_text(status.last_error) if status.last_error else None,
        last_error_at=status.last_error_at,
    )


def _message(row: Mapping[str, Any]) -> Message:
    answer = row["last_error"] or (f"status {row['last_status']}" if row["last_status"] else None)
    return Message(
        id=row["id"],
        at=row["created_at"],
        kind=row["kind"],
        mark=message_mark(row["state"]),
        state=row["state"],
        tries=row["tries"],
        answer=masked_text(answer) if answer else None,
        enrollment_id=row["enrollment_id"],
    )
