"""Search of contacts: filters, one sort, pages. It has a rate limit per second, and lags by `search_lag`."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.sandbox.bodies import contact_body, with_system_properties
from app.sandbox.errors import too_many, validation
from app.sandbox.state.identities import SECONDARY

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact

PAGE = 10
LARGEST_PAGE = 200
FURTHEST = 10_000
GROUPS, FILTERS, ALL_FILTERS = 5, 6, 18
OPERATORS = frozenset({"EQ", "IN", "GTE", "LTE", "HAS_PROPERTY"})  # those that Segue uses

Found = tuple["Contact", dict[str, str]]


def arrive(account: Account, now: float) -> None:
    """Count one search. Raises Refused (429), without rate limit headers."""
    if account.searches.within(1.0, now) >= account.settings.search_per_second:
        raise too_many("SECONDLY")
    account.searches.add(now)


def search(account: Account, request: Request) -> Response:
    """Find contacts."""
    body = request.object()
    groups = _groups(account, body)
    start, limit = _number(body, "after", 0), _number(body, "limit", PAGE)
    if limit > LARGEST_PAGE or start + limit > FURTHEST:
        raise validation(f"At most {LARGEST_PAGE} results a page and {FURTHEST} in all")
    hits = _sorted(account, body, [found for found in _indexed(account) if _matches(groups, found[1])])
    page = [
        contact_body(account, contact, _texts(body.get("properties"))) for contact, _ in hits[start : start + limit]
    ]
    answer: dict[str, Any] = {"total": len(hits), "results": page}
    if start + limit < len(hits):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return 200, answer


def _indexed(account: Account) -> list[Found]:
    """Return the contacts as the index holds them: as they were `search_lag` ago, if they existed by then."""
    moment = account.clock() - account.settings.search_lag
    known = ((contact, contact.as_of(moment)) for contact in account.contacts())
    return [(contact, with_system_properties(contact, properties)) for contact, properties in known if properties]


def _groups(account: Account, body: dict[str, Any]) -> list[list[dict[str, Any]]]:
    groups = [_dicts(group.get("filters")) for group in _dicts(body.get("filterGroups", []))]
    sizes = [len(group) for group in groups]
    if len(groups) > GROUPS or max(sizes, default=0) > FILTERS or sum(sizes) > ALL_FILTERS:
        raise validation(f"At most {GROUPS} groups of {FILTERS} filters, and {ALL_FILTERS} filters in all")
    for group in groups:
        for filter_ in group:
            _require_valid(account, filter_)
    return groups


def _require_valid(account: Account, filter_: dict[str, Any]) -> None:
    name, operator = filter_.get("propertyName"), filter_.get("operator")
    if not isinstance(name, str) or not account.has_property(name):
        raise validation(f"There was a problem with the request: no property {name}")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise validation(f"The sandbox's search has no operator {operator}")
    if operator == "IN":
        _texts(filter_.get("values"), required=True)
    elif operator != "HAS_PROPERTY" and not isinstance(filter_.get("value"), str):
        raise validation(f"operator {operator} requires a value")


def _matches(groups: list[list[dict[str, Any]]], properties: dict[str, str]) -> bool:
    """Return whether all filters of some group hold; no groups match every contact."""
    return not groups or any(all(_holds(each, properties) for each in group) for group in groups)


def _holds(filter_: dict[str, Any], properties: dict[str, str]) -> bool:
    """Return whether a filter holds. A secondary address is found by its own property, and not by `email`."""
    value = properties.get(filter_["propertyName"], "")
    values = value.split(";") if filter_["propertyName"] == SECONDARY else [value]
    return any(_holds_of(filter_, each) for each in values)


def _holds_of(filter_: dict[str, Any], value: str) -> bool:
    match filter_["operator"]:
        case "HAS_PROPERTY":
            return value != ""
        case "IN":
            return value.lower() in {text.lower() for text in filter_["values"]}
        case "EQ":
            same = _magnitude(value) is not None and _magnitude(value) == _magnitude(filter_["value"])
            return same or value.lower() == filter_["value"].lower()
    left, right = _magnitude(value), _magnitude(filter_["value"])
    if left is None or right is None:
        return False
    return left >= right if filter_["operator"] == "GTE" else left <= right


def _magnitude(value: str) -> float | None:
    """Return a number, or a date as milliseconds since 1970: HubSpot accepts both forms of a date."""
    with contextlib.suppress(ValueError):
        return float(value)
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value)
        return moment.timestamp() * 1000 if moment.tzinfo else None
    return None


def _sorted(account: Account, body: dict[str, Any], hits: list[Found]) -> list[Found]:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise validation("At most one sort is supported")
    if not sorts:
        return hits
    sort = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": sorts[0]}
    name = sort.get("propertyName")
    if not isinstance(name, str) or not account.has_property(name.removeprefix("-")):
        raise validation("A sort needs a known propertyName")
    backwards = sort.get("direction") == "DESCENDING" or name.startswith("-")
    return sorted(hits, key=lambda found: _key(found[1].get(name.removeprefix("-"), "")), reverse=backwards)


def _key(value: str) -> tuple[bool, float, str]:
    magnitude = _magnitude(value)
    return magnitude is None, magnitude or 0.0, value.lower()


def _number(body: dict[str, Any], name: str, default: int) -> int:
    value = str(body.get(name) or default)
    if not value.isascii() or not value.isdecimal() or len(value) > len(str(FURTHEST)):
        raise validation(f"Invalid value of {name}")
    return int(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise validation("filterGroups must be a list of objects, and so must be their filters")
    return value


def _texts(value: Any, *, required: bool = False) -> list[str]:
    if value is None and not required:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise validation("A list of strings is expected")
    return value
