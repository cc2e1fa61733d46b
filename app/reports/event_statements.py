"""What the pages of events read: one event with all that came of it, lists, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select, text

from app.database.schema import decisions, events, refused_deliveries
from app.reports.id_times import first_id

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

# Filters that no index serves together read at most so many ids.
LOOK = 20_000
MOST_SENT = 100  # outbound events of one event's enrollments

# One event with its lookup and the head of its delivery. Of the body and the headers only their sizes are read.
READ = text("""
    SELECT events.*, lookup.state AS lookup_state, lookup.reason AS lookup_reason, lookup.detail AS lookup_detail,
           lookup.tries AS lookup_tries, lookup.due_at AS lookup_due_at, lookup.updated_at AS lookup_updated_at,
           delivery.provider, delivery.method, delivery.url, octet_length(delivery.body) AS body_bytes,
           (SELECT count(*) FROM jsonb_object_keys(delivery.headers)) AS header_count,
           delivery.id IS NOT NULL AS has_delivery
    FROM events
    LEFT JOIN enrichments AS lookup ON lookup.event_id = events.id
    LEFT JOIN deliveries AS delivery ON delivery.id = events.delivery_id
    WHERE events.id = :id
""")

# The decisions about events with what they came to, the oldest first. A duplicate names the enrollment that has the
# intent, which is free again at `until`.
BECAME = text("""
    SELECT decisions.*, made.account, made.sequence, made.plan, made.state, made.reason AS state_reason,
           made.detail AS state_detail, made.due_at, made.step, made.sender, made.sender_user_id, made.created_at,
           made.updated_at, made.sending_at, made.first_sending_at, made.enrolled_at, made.hubspot_enrollment_id,
           made.confirmation, made.ended, made.ended_at, made.ended_known, made.ended_why, made.replied_at,
           made.assignment, made.intent, made.email AS enrolled_email, made.triggered_at,
           holder.id AS holder_id, holder.rule AS holder_rule, holder.sequence AS holder_sequence,
           holder.account AS holder_account, holder.plan AS holder_plan, taken.until
    FROM unnest(CAST(:ids AS text[])) AS wanted(id)
    JOIN decisions ON decisions.event_id = wanted.id
    LEFT JOIN enrollments AS made ON made.id = decisions.enrollment_id
    LEFT JOIN enrollments AS holder
        ON decisions.verdict = 'duplicate' AND holder.id = substr(decisions.reason, length('duplicate of ') + 1)
    LEFT JOIN intents AS taken
        ON taken.email = holder.email AND taken.intent = holder.intent AND taken.account = holder.account
    ORDER BY decisions.id
""")

SENT = text(f"""
    SELECT id, endpoint, kind, enrollment_id, state, due_at, tries, last_status, last_error, delivered_at, created_at
    FROM outbound WHERE enrollment_id = ANY(CAST(:ids AS text[])) ORDER BY id LIMIT {MOST_SENT}
""")  # noqa: S608  # the only text put in is a number

SHOWN = [column for column in events.c if column.name not in {"data", "answers"}]


@dataclass(frozen=True, slots=True)
class EventFilters:
    """What a list of events is narrowed to.

    `since` and `until` are a period. `verdict` narrows it to events of which the latest decision came to that; the list
    is then in the order of those decisions. `before` and `after` are keys of rows between which pages end; one of them
    at most is meant.
    """

    source: str | None = None
    type: str | None = None
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    after: str | None = None
    limit: int = 50

    @property
    def is_indexed(self) -> bool:
        """Whether one index serves all that the list is narrowed to."""
        return sum(one is not None for one in (self.source, self.type, self.verdict)) < len("ab")


def listed(filters: EventFilters) -> Select[Any]:
    """Return the statement for one page, in the order in which it is read: with `after` the oldest comes first.

    `key` is what pages begin below or above.

    One filter is looked up in its index, in the order of ids. Where there are more, the others are held against what
    that index leads to, LOOK rows at most.
    """
    if filters.verdict is not None:
        return _by_decision(filters)
    inner = _looked_at(filters).subquery()
    rows = select(*(inner.c[column.name] for column in SHOWN), inner.c.id.label("key"))
    if filters.source is not None and filters.type is not None:
        rows = rows.where(inner.c.type == filters.type)
    return rows.order_by(_order(inner.c.id, filters)).limit(filters.limit)


def looked_back(filters: EventFilters) -> Select[Any, Any]:
    """Return the statement that says how many ids a page has looked at, and the last of them."""
    inner = (_decided(filters) if filters.verdict is not None else _looked_at(filters, ids=True)).subquery()
    last = func.max(inner.c.id) if filters.after is not None else func.min(inner.c.id)
    return select(func.count().label("looked"), last.label("last"))


def rejected(source: str | None, *, before: str | None, limit: int) -> Select[Any]:
    """Return the statement for rejected deliveries, newest first: few are kept of each source."""
    shown = [column for column in refused_deliveries.c if column.name not in {"body", "headers"}]
    size = func.octet_length(refused_deliveries.c.body).label("body_bytes")
    rows = select(*shown, size).order_by(refused_deliveries.c.id.desc()).limit(limit)
    if source is not None:
        rows = rows.where(refused_deliveries.c.source == source)
    return rows if before is None else rows.where(refused_deliveries.c.id < before)


def _looked_at(filters: EventFilters, *, ids: bool = False) -> Select[Any]:
    """Return the events that the leading filter leads to."""
    rows = select(*([events.c.id] if ids else SHOWN)).where(*_period(events.c.id, "evt", filters))
    if filters.source is not None:
        rows = rows.where(events.c.source == filters.source)
    elif filters.type is not None:
        rows = rows.where(events.c.type == filters.type)
    return rows.order_by(_order(events.c.id, filters)).limit(LOOK)


def _decided(filters: EventFilters) -> Select[Any]:
    """Return the decisions of the verdict."""
    rows = select(decisions.c.id, decisions.c.event_id, decisions.c.source, decisions.c.decided_at)
    rows = rows.where(decisions.c.verdict == filters.verdict, *_period(decisions.c.id, "dec", filters))
    return rows.order_by(_order(decisions.c.id, filters)).limit(LOOK)


def _by_decision(filters: EventFilters) -> Select[Any]:
    inner = _decided(filters).subquery()
    later = decisions.alias()
    # A decision that was made anew is over, and of several that were made together an event is listed once.
    superseded = exists().where(
        later.c.event_id == inner.c.event_id,
        or_(
            later.c.decided_at > inner.c.decided_at,
            and_(
                later.c.decided_at == inner.c.decided_at,
                later.c.verdict == filters.verdict,
                later.c.id > inner.c.id,
            ),
        ),
    )
    rows = select(*SHOWN, inner.c.id.label("key")).join_from(inner, events, events.c.id == inner.c.event_id)
    rows = rows.where(~superseded)
    if filters.source is not None:
        rows = rows.where(inner.c.source == filters.source)
    if filters.type is not None:
        rows = rows.where(events.c.type == filters.type)
    return rows.order_by(_order(inner.c.id, filters)).limit(filters.limit)


def _period(id_: ColumnElement[str], prefix: str, filters: EventFilters) -> list[ColumnElement[bool]]:
    """Return the conditions of a period, and of where the page begins: ids begin with their time."""
    found = []
    if filters.since is not None:
        found.append(id_ >= first_id(prefix, filters.since))
    if filters.until is not None:
        found.append(id_ < first_id(prefix, filters.until))
    if filters.before is not None:
        found.append(id_ < filters.before)
    if filters.after is not None:
        found.append(id_ > filters.after)
    return found


def _order(id_: ColumnElement[str], filters: EventFilters) -> ColumnElement[str]:
    return id_.asc() if filters.after is not None else id_.desc()
