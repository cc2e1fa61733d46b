"""The reference of the rules file: its schema is the code's, its keys are all there, its examples work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema_rs
import pytest
import yaml

from app.rules.examples import run_examples
from app.rules.facts import FIELDS
from app.rules.file.documents import Document
from app.rules.file.json_schema import json_schema
from app.rules.file.schema import RulesFile
from app.rules.load import load
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


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_has_a_page_that_explains_its_keys(name: str) -> None:
    page = (ROOT / f"docs/sources/{name}.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    words = set(re.findall(r"[a-z_0-9-]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert keys_of(PROVIDERS[name].Options.model_json_schema()) - words == set()
    assert f"provider: {name}" in page


def test_every_page_is_a_providers() -> None:
    assert {path.stem for path in (ROOT / "docs/sources").glob("*.md")} - {"README"} == set(PROVIDERS)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_the_sources_that_a_page_shows_load(name: str) -> None:
    page = (ROOT / f"docs/sources/{name}.md").read_text(encoding="utf-8")
    shown = dedent("".join(re.findall(r"```yaml\n(.*?)\n *```", page, re.DOTALL)[0])) + "\n"
    environment = Secrets(_sample_secret(name)) | {"SEGUE_HUBSPOT_TOKEN": "x"}
    accounts = 'version: 1\naccounts: {main: {token: "${SEGUE_HUBSPOT_TOKEN}"}}\n'
    book = load((Document(name, accounts + shown),), environment=environment, providers=PROVIDERS)
    assert {source.provider for source in book.sources.values()} == {name}


class Secrets(dict[str, str]):
    """An environment in which every variable is a secret of the kind that a provider wants."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.secret = secret

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "tok_made_up_4f81c2d9e0b7" if name.endswith(("TOKEN", "URL_SECRET")) else self.secret

    def __or__(self, others: Any) -> Any:
        self.update(others)
        return self


def _sample_secret(name: str) -> str:
    (sample, *_) = sorted((ROOT / "app/sources/samples" / name).glob("*.json"))
    return str(json.loads(sample.read_text(encoding="utf-8"))["secret"])


def test_the_example_loads_and_its_examples_pass() -> None:
    (whole,) = BLOCKS
    environment = {"SEGUE_HUBSPOT_TOKEN": "x", "TYPEFORM_SECRET": "y"}
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
        {"version": 1, "accounts": {"emea": {}}},
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
