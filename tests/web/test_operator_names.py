"""The names that operators see, held to a list: renaming a module or a class must not rename any of these.

A name that is added goes into the list. A name that goes, or changes, is a decision that CHANGELOG.md tells of.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.model import State
from app.observability.metrics import Metrics
from app.rules.file.json_schema import json_schema
from app.settings import Settings
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Running

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("operator_names.json")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def log_events() -> set[str]:
    """Return the first argument of each call of a logger in the application, and the events that loops log."""
    found = set[str]()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[first, *_]):
                    constants = (one for one in ast.walk(first) if isinstance(one, ast.Constant))
                    found |= {str(one.value) for one in constants if level in LEVELS}
                case ast.keyword(arg="store_trouble" | "trouble" | "defect", value=ast.Constant(value=str(name))):
                    found.add(name)
                case _:
                    pass
    return found


def metrics() -> set[str]:
    """Return each metric with its labels."""
    collectors = set(Metrics().registry._collector_to_names)
    return {f"{one._type} {one._name} {' '.join(one._labelnames)}".strip() for one in collectors}  # type: ignore[attr-defined]


def keys(schema: Any) -> Iterator[str]:
    """Return the names of all properties in a JSON Schema."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties" and isinstance(value, dict):
                yield from value
            yield from keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys(value)


def names(web: Running) -> dict[str, list[str]]:
    document = web.public.openapi()
    return {
        "api_fields": sorted(set(keys(document["components"]["schemas"]))),
        "api_routes": sorted(f"{verb} {path}" for path, verbs in document["paths"].items() for verb in verbs),
        "log_events": sorted(log_events()),
        "metrics": sorted(metrics()),
        "rules_keys": sorted(set(keys(json_schema(PROVIDERS)))),
        "settings": sorted(Settings.model_fields),
        "states": sorted(State),
    }


async def test_names_that_operators_see_are_the_listed_ones(web: Running) -> None:
    assert names(web) == json.loads(LIST.read_text(encoding="utf-8"))
