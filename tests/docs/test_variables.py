"""Every variable that a page, a sample or a deployment file names is one that Segue, the rules or compose read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from app.settings import PREFIX, SECRETS, Settings
from app.variables import FILE

ROOT = Path(__file__).parents[2]
SETTINGS = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
KNOWN = SETTINGS | {f"{PREFIX}{secret}{FILE}" for secret in SECRETS}
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)")
RULES = sorted((ROOT / "deploy/rules").glob("*.yaml"))
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
# The script of Google Forms has properties of its own.
PAGES = [
    path
    for place in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "Dockerfile",
        "Makefile",
        "docs",
        "deploy",
    )
    for path in ([ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*")))
    if path.is_file() and not {"google-forms", "__pycache__"} & set(path.parts)
]


def in_rules() -> set[str]:
    return {name for path in RULES for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}


def in_example() -> list[str]:
    """What `.env.example` has a line for."""
    return re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE)


def in_compose() -> set[str]:
    """What compose puts in, sets for Segue, or tells the operator to write into `.env`."""
    comments = "\n".join(re.findall(r"^\s*#.*$", COMPOSE, re.MULTILINE))
    services = yaml.safe_load(COMPOSE)["services"]
    return {
        *VARIABLE.findall(COMPOSE),
        *services["segue"]["environment"],
        *services["replica"]["environment"],
        *re.findall(r"\b[A-Z]+_[A-Z_]+\b", comments),
    }


def test_the_example_environment_has_one_line_for_each_setting_and_variable_and_for_nothing_else() -> None:
    lines = in_example()
    assert len(lines) == len(set(lines))
    assert set(lines) == SETTINGS | in_rules() | set(VARIABLE.findall(COMPOSE))


def test_compose_names_every_variable_of_the_rules_and_none_that_is_read_by_nothing() -> None:
    named = in_compose()
    assert in_rules() - named == set()
    assert named - KNOWN - in_rules() - set(VARIABLE.findall(COMPOSE)) == set()


def test_the_token_has_one_name() -> None:
    assert "SEGUE_HUBSPOT_TOKEN" in in_rules() & set(in_example()) & in_compose()
    places = [*PAGES, ROOT / ".env.example", ROOT / "docker-compose.yml"]
    others = {str(path) for path in places if re.search(r"\$\{HUBSPOT_TOKEN|^HUBSPOT_TOKEN", path.read_text("utf-8"))}
    assert others == {str(ROOT / "CHANGELOG.md")}  # it says what became of the other one


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_that_a_page_names_exists(path: Path) -> None:
    named = set(re.findall(r"\bSEGUE_[A-Z0-9_]*[A-Z0-9]\b", path.read_text(encoding="utf-8")))
    assert named - KNOWN == set()
