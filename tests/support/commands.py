"""Commands as an operator runs them, and rules with a source of every provider."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from typer.testing import CliRunner

from app.__main__ import build
from app.sources import PROVIDERS
from app.sources.sample_files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.testing import Result


def configured(name: str) -> dict[str, Any]:
    """A source of this provider, with the secret and the options of its first sample."""
    (top, *_) = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    secret = f"${{{name.upper().replace('-', '_')}_SECRET}}"
    return {"provider": name, "secrets": [secret], "map": top.get("map", {}), **top.get("options", {})}


@cache
def secrets() -> Mapping[str, str]:
    tops = {name: json.loads(min((FOLDER / name).glob("*.json")).read_text()) for name in PROVIDERS}
    return {f"{name.upper().replace('-', '_')}_SECRET": top["secret"] for name, top in tops.items()}


def kinds(name: str) -> list[str]:
    tops = [json.loads(path.read_text()) for path in (FOLDER / name).glob("*.json")]
    cases = [case for top in tops for case in (top, *top["more_cases"])]
    return sorted({case["event"]["type"] for case in cases if case.get("event")} - {""}) or ["none"]


@cache
def rules() -> str:
    sources = {name: configured(name) for name in PROVIDERS}
    ignoring = [{"id": name, "source": name, "type": kinds(name), "ignore": True} for name in PROVIDERS]
    enrolling: dict[str, Any] = {"id": "demo", "source": "typeform", "type": kinds("typeform")}
    enrolling["enroll"] = {"sequence": "310001", "sender": "anna"}
    document = {
        "version": 1,
        "accounts": {"main": {"token": "${SEGUE_HUBSPOT_TOKEN}"}},
        "sources": sources,
        "senders": {"anna": {"user_id": "7001", "email": "anna@acme.example"}},
        "rules": [enrolling, *[rule for rule in ignoring if rule["source"] != "typeform"]],
    }
    return yaml.safe_dump(document, sort_keys=False)


def run(*arguments: object, **environment: str) -> Result:
    variables = {"SEGUE_HUBSPOT_TOKEN": "pat-sandbox", "COLUMNS": "200", **secrets()} | environment
    return CliRunner().invoke(build(), [str(each) for each in arguments], env=variables)
