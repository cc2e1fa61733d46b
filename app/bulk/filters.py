"""Which rows a job is about: a filter, how it is kept in JSON, and what each kind allows in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.errors import FilterRejected
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 200  # characters of a name
TIMES = ("since", "until")
LISTS = ("lacks", "states")
LACKABLE = ("reason", "sender")  # what an enrollment may be without
MOST_LACK = "lacks: most of what waits has neither reason nor sender; name something else, too, or only what is parked."


@dataclass(frozen=True, slots=True)
class Filter:
    """All rows that match every field which is not None. It holds no person.

    `states` are those of the kind's rows (empty: those that the kind is about). `sender` and `endpoint` are names of
    the rules. `lacks` are those of LACKABLE that a row is without. An enrollment matches `since` and `until`
    (exclusive) by when it last changed, which for a parked one is when it was parked; an outbound event by when it was
    noted.
    """

    reason: str | None = None
    rule: str | None = None
    sender: str | None = None
    source: str | None = None
    account: str | None = None
    endpoint: str | None = None
    lacks: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def given(self) -> frozenset[str]:
        """Return the names of the fields that narrow something."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) not in (None, ()))

    def as_json(self) -> dict[str, Any]:
        """Return the filter as it is kept and shown."""
        values = {name: getattr(self, name) for name in sorted(self.given())}
        shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
        return shown | {name: list(values) for name in LISTS if (values := getattr(self, name))}


def filter_of(kept: Mapping[str, Any]) -> Filter:
    """Return the filter that `as_json` has written."""
    times = {name: datetime.fromisoformat(kept[name]) for name in TIMES if kept.get(name) is not None}
    return Filter(**{**kept, **{name: tuple(kept.get(name, ())) for name in LISTS}, **times})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a kind allows in its filter.

    `takes` are its fields, of which at least one of `needs` must be given; `states` are all that its rows may be in,
    `usual_states` those that it is about where the filter names none. `not_in_groups` are reasons of rows that it
    leaves alone, each with the sentence that says why.
    """

    takes: frozenset[str]
    needs: frozenset[str]
    states: tuple[str, ...]
    usual_states: tuple[str, ...]
    not_in_groups: Mapping[str, str]

    def checked(self, given: Filter) -> Filter:
        """Return the filter with its states filled in, times in UTC. Raises FilterRejected, which says what to do."""
        if strange := sorted(given.given() - self.takes):
            raise FilterRejected(f"{', '.join(strange)}: not a filter of this kind; it takes {_names(self.takes)}.")
        if not given.given() & self.needs:
            raise FilterRejected(f"Name at least one of {_names(self.needs)}: without one, everything would match.")
        if given.given() & self.needs == {"lacks"} and {*(given.states or self.usual_states)} != {State.PARKED}:
            raise FilterRejected(MOST_LACK)
        if wrong := sorted(set(given.states) - set(self.states)):
            raise FilterRejected(f"states: {', '.join(wrong)} cannot be meant here; it takes {_names(self.states)}.")
        if given.reason is not None and (why := self.not_in_groups.get(given.reason)):
            raise FilterRejected(f"reason: {why}")
        _require_names(given)
        _require_lackable(given)
        since, until = _utc(given.since, "since"), _utc(given.until, "until")
        if since is not None and until is not None and since >= until:
            raise FilterRejected("since: it must be before until.")
        lacks = tuple(sorted({*given.lacks}))
        return replace(given, lacks=lacks, states=given.states or self.usual_states, since=since, until=until)


def _require_names(given: Filter) -> None:
    for name in sorted(given.given() - {*TIMES, *LISTS}):
        value = getattr(given, name)
        if not value or len(value) > LONGEST or "\x00" in value:
            raise FilterRejected(f"{name}: a name has 1 to {LONGEST} characters.")


def _require_lackable(given: Filter) -> None:
    for name in given.lacks:
        if name not in LACKABLE or getattr(given, name) is not None:
            raise FilterRejected(f"lacks: {name[:LONGEST]} is none of {_names(LACKABLE)}, or is asked for as well.")


def _utc(moment: datetime | None, name: str) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise FilterRejected(f"{name}: write the time with its zone, such as 2026-11-23T08:00:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise FilterRejected(f"{name}: there is no such time in UTC.") from error


def _names(names: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(names))
