"""Plans as JSON in the database: what differs from the defaults, so that later versions read earlier ones."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from app.model import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAN = TypeAdapter(Plan)


@lru_cache(maxsize=10_000)
def written(plan: Plan) -> Mapping[str, Any]:
    """Return a plan as JSON. Each rule makes one plan, so the cache answers almost every call."""
    stored: dict[str, Any] = _PLAN.dump_python(plan, mode="json", exclude_defaults=True)
    return stored


def read(stored: Mapping[str, Any]) -> Plan:
    """Return the plan that `written` stored."""
    return _PLAN.validate_python(stored)
