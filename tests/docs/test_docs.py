"""The pages that operators read say what the code does: settings, metrics, faults."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from app.enrollments.unenroll import UNENROLLING
from app.model import NO_OUTCOME, NOT_CONNECTED
from app.observability.metrics import Metrics
from app.settings import PREFIX, SECRETS, Settings

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str) -> dict[str, str]:
    """Return the tables of a page: the first cell (without backticks) to the whole line."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        first = re.match(r"\| `([a-z_]+)` \|", line)
        if first:
            found[first.group(1)] = line
    return found


def settings_table() -> list[str]:
    lines = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is PydanticUndefined or default is None else f"`{default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return lines


def test_every_setting_is_documented_with_its_default() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `SEGUE_")] == settings_table()
    for secret in SECRETS:
        assert f"`{PREFIX}{secret}_FILE`" in page


def test_every_metric_is_documented_with_its_labels() -> None:
    described = rows("metrics.md")
    declared = {}
    for family in Metrics("test").registry._collector_to_names:
        name = family._name + ("_total" if family._type == "counter" else "")  # type: ignore[attr-defined]
        declared[name] = (family._labelnames, family._documentation)  # type: ignore[attr-defined]
    assert set(described) == set(declared)
    for name, (labels, told) in declared.items():
        assert described[name] == f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} | {told} |"


def test_every_reason_of_our_own_is_explained_to_operators() -> None:
    page = (DOCS / "operating.md").read_text(encoding="utf-8")
    code = "".join(file.read_text(encoding="utf-8") for file in (DOCS.parent / "app").rglob("*.py"))
    reasons = set(re.findall(r'(?:Held|Declined|Parked|BudgetSpent)Error\(\s*"([a-z_]+)"', code))
    reasons |= {"unsettled", "unreadable", "gave_up", NO_OUTCOME, NOT_CONNECTED, UNENROLLING}
    assert len(reasons) > 15
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in page] == []


def test_the_example_environment_names_only_settings_that_exist() -> None:
    text = (DOCS.parent / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?\s*(SEGUE_[A-Z_]+)=", text, re.MULTILINE))
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {f"{PREFIX}{secret}_FILE" for secret in SECRETS}
    assert named <= known
    assert {PREFIX + name.upper() for name in Settings.model_fields} <= named
