"""Search of contacts: filters, one sort, pages; five a second, and behind what was written by `search_lag`."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.sandbox.errors import too_many, validation
from app.sandbox.request import Asked, every, shown

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person

PAGE = 10
LARGEST_PAGE = 200
FURTHEST = 10_000
GROUPS, FILTERS, ALL_FILTERS = 5, 6, 18
OPERATORS = frozenset({"EQ", "IN", "GTE", "LTE", "HAS_PROPERTY"})  # those that Segue's questions need

Found = tuple["Person", dict[str, str]]


def pace(state: State, now: float) -> None:
    """Count one search. Raises Refused (429), told by its message alone and without rate headers."""
    if state.searches.within(1.0, now) >= state.settings.search_per_second:
        raise too_many("SECONDLY")
    state.searches.add(now)


def search(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Find contacts."""
    body = asked.object()
    groups = _groups(state, body)
    start, limit = _number(body, "after", 0), _number(body, "limit", PAGE)
    if limit > LARGEST_PAGE or start + limit > FURTHEST:
        raise validation(f"At most {LARGEST_PAGE} results a page and {FURTHEST} in all")
    people = _sorted(state, body, [found for found in _indexed(state) if _hit(groups, found[1])])
    page = [shown(state, person, _texts(body.get("properties"))) for person, _ in people[start : start + limit]]
    told: dict[str, Any] = {"total": len(people), "results": page}
    if start + limit < len(people):
        told["paging"] = {"next": {"after": str(start + limit)}}
    return 200, told


def _indexed(state: State) -> list[Found]:
    """Return everybody as search knows them: as they were a while ago, if they were there already."""
    moment = state.clock() - state.settings.search_lag
    known = ((person, person.as_of(moment)) for person in state.everybody())
    return [(person, every(person, properties)) for person, properties in known if properties]


def _groups(state: State, body: dict[str, Any]) -> list[list[dict[str, Any]]]:
    told = _dicts(body.get("filterGroups", []))
    groups = [_dicts(group.get("filters")) for group in told]
    sizes = [len(group) for group in groups]
    if len(groups) > GROUPS or max(sizes, default=0) > FILTERS or sum(sizes) > ALL_FILTERS:
        raise validation(f"At most {GROUPS} groups of {FILTERS} filters, and {ALL_FILTERS} filters in all")
    for group in groups:
        for one in group:
            _require_sense(state, one)
    return groups


def _require_sense(state: State, one: dict[str, Any]) -> None:
    name, operator = one.get("propertyName"), one.get("operator")
    if not isinstance(name, str) or not state.knows(name):
        raise validation(f"There was a problem with the request: no property {name}")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise validation(f"The sandbox's search has no operator {operator}")
    if operator == "IN":
        _texts(one.get("values"), required=True)
    elif operator != "HAS_PROPERTY" and not isinstance(one.get("value"), str):
        raise validation(f"operator {operator} requires a value")


def _hit(groups: list[list[dict[str, Any]]], told: dict[str, str]) -> bool:
    """Return whether all filters of some group hold; no groups find everybody."""
    return not groups or any(all(_holds(one, told) for one in group) for group in groups)


def _holds(one: dict[str, Any], told: dict[str, str]) -> bool:
    value = told.get(one["propertyName"], "")
    match one["operator"]:
        case "HAS_PROPERTY":
            return value != ""
        case "IN":
            return value.lower() in {text.lower() for text in one["values"]}
        case "EQ":
            same = _magnitude(value) is not None and _magnitude(value) == _magnitude(one["value"])
            return same or value.lower() == one["value"].lower()
    left, right = _magnitude(value), _magnitude(one["value"])
    if left is None or right is None:
        return False
    return left >= right if one["operator"] == "GTE" else left <= right


def _magnitude(value: str) -> float | None:
    """Return a number, or a date as milliseconds since 1970: HubSpot takes both ways of writing one."""
    with contextlib.suppress(ValueError):
        return float(value)
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value)
        return moment.timestamp() * 1000 if moment.tzinfo else None
    return None


def _sorted(state: State, body: dict[str, Any], people: list[Found]) -> list[Found]:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise validation("At most one sort is supported")
    if not sorts:
        return people
    told = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": sorts[0]}
    name = told.get("propertyName")
    if not isinstance(name, str) or not state.knows(name.removeprefix("-")):
        raise validation("A sort needs a known propertyName")
    backwards = told.get("direction") == "DESCENDING" or name.startswith("-")
    return sorted(people, key=lambda found: _key(found[1].get(name.removeprefix("-"), "")), reverse=backwards)


def _key(value: str) -> tuple[bool, float, str]:
    magnitude = _magnitude(value)
    return magnitude is None, magnitude or 0.0, value.lower()


def _number(body: dict[str, Any], name: str, otherwise: int) -> int:
    told = str(body.get(name) or otherwise)
    if not told.isascii() or not told.isdecimal() or len(told) > len(str(FURTHEST)):
        raise validation(f"Invalid value of {name}")
    return int(told)


def _dicts(told: Any) -> list[dict[str, Any]]:
    if not isinstance(told, list) or not all(isinstance(item, dict) for item in told):
        raise validation("filterGroups must be a list of objects, and so must be their filters")
    return told


def _texts(told: Any, *, required: bool = False) -> list[str]:
    if told is None and not required:
        return []
    if not isinstance(told, list) or not all(isinstance(item, str) for item in told):
        raise validation("A list of strings is expected")
    return told
