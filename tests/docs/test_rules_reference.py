"""The reference of the rules file: its schema is the code's, its keys are all there, its examples work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from app.rules.documents import Document
from app.rules.examples import run_examples
from app.rules.expressions import FIELDS
from app.rules.json_schema import json_schema
from app.rules.load import load
from app.rules.schema import RulesFile
from app.sources import PROVIDERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
RULES = ["deploy/rules/example.yaml", "deploy/rules/practice.yaml"]


def keys_of(schema: Any) -> set[str]:
    """Return every key that a JSON Schema names."""
    if isinstance(schema, list):
        return {key for item in schema for key in keys_of(item)}
    if not isinstance(schema, dict):
        return set()
    below = {key for item in schema.values() for key in keys_of(item)}
    properties = schema.get("properties")
    return below | (set(properties) if isinstance(properties, dict) else set())


def test_every_key_and_field_is_explained() -> None:
    quoted = [*re.findall(r"`([^`]+)`", PROSE), *BLOCKS]
    words = set(re.findall(r"[a-z_0-9-]+", " ".join(quoted)))
    assert keys_of(RulesFile.model_json_schema(by_alias=True)) - words == set()
    assert all(f"`event.{field}`" in PAGE for field in FIELDS)


def test_the_example_loads_and_its_examples_pass() -> None:
    (whole,) = BLOCKS
    environment = {"HUBSPOT_TOKEN": "x", "TYPEFORM_SECRET": "y"}
    book = load((Document("rules.md", whole),), environment=environment, providers=PROVIDERS)
    outcomes = run_examples(book)
    assert [outcome.difference for outcome in outcomes] == ["", ""]


@pytest.mark.parametrize("file", RULES)
def test_the_schema_takes_the_rules_that_we_ship(file: str) -> None:
    value = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(json_schema(PROVIDERS))
    assert [error.message for error in validator.iter_errors(value)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"version": 1, "colour": "red"},
        {"version": 1, "sources": {"crm": {"provider": "nobody"}}},
        {"version": 1, "sources": {"crm": {"provider": "typeform", "batches": "all"}}},
        {"version": 1, "sources": {"crm": {"provider": "json", "signature": {}}}},
        {
            "version": 1,
            "rules": [{"id": "a", "source": "s", "type": "t", "enroll": {"sequence": 310001, "sender": "a"}}],
        },
        {"version": 1, "rules": [{"id": "a", "source": "s", "type": "t", "dedupe": {"for": "long"}}]},
    ],
)
def test_the_schema_refuses_what_loading_refuses(wrong: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(json_schema(PROVIDERS)).is_valid(wrong)
