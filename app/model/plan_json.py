"""Plans as they are kept: JSON of what differs from the defaults, so that later versions read earlier ones."""

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
    """Return a plan as it is kept. Rules make one plan each, so that most are written once."""
    kept: dict[str, Any] = _PLAN.dump_python(plan, mode="json", exclude_defaults=True)
    return kept


def read(kept: Mapping[str, Any]) -> Plan:
    """Return a plan as it was."""
    return _PLAN.validate_python(kept)
