"""The pages that operators read say what the code does: settings, metrics, faults."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from app.enrollments.after_restore import REASON as AFTER_RESTORE
from app.enrollments.unenroll import UNENROLLING
from app.errors import StartError
from app.model import NO_OUTCOME, NOT_CONNECTED
from app.observability.metrics import Metrics
from app.settings import PREFIX, Settings, load_settings
from tests.support.service import TOKENS

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


def secret_in(environment: dict[str, str], field: str) -> str | None:
    """What a secret setting holds in this environment; None where it is no secret, or the value is none for it."""
    try:
        value = getattr(load_settings(environment), field)
    except StartError:
        return None
    return value.get_secret_value() if isinstance(value, SecretStr) else None


def test_every_secret_setting_can_come_from_the_file_that_the_page_names(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://a:made-up@db/segue"  # also what a database's URL looks like
    assert secret_files(tmp_path, url) | secret_files(tmp_path, TOKENS) == named_files()


def named_files() -> set[str]:
    """The settings that the page says may come from a file."""
    return set(re.findall(r"`(SEGUE_\w+)_FILE`", (DOCS / "settings.md").read_text(encoding="utf-8")))


def secret_files(tmp_path: Path, written: str) -> set[str]:
    """The settings that keep this as a secret; each has it from a file, too."""
    (tmp_path / "secret").write_text(f"{written}\n")
    names = {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}
    secret = {name: field for name, field in names.items() if secret_in({name: written}, field) == written}
    files = {f"{name}_FILE": str(tmp_path / "secret") for name in secret}
    assert {secret_in({name: path}, secret[name.removesuffix("_FILE")]) for name, path in files.items()} == {written}
    return set(secret)


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
    reasons |= {AFTER_RESTORE, "unsettled", "unreadable", "gave_up", NO_OUTCOME, NOT_CONNECTED, UNENROLLING}
    assert len(reasons) > 15
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in page] == []
