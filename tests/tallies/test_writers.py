"""Every statement that changes what is counted of an enrollment leaves a line in the journal, by which it is found."""

from __future__ import annotations

import re

import pytest

from app.people.erase_statements import ERASE
from tests.database.test_plans import STATEMENTS

COUNTED = {"state", "reason", "sequence", "account", "rule", "source", "ended", "ended_known", "replied_at", "event_id"}
UPDATES = re.compile(r"UPDATE enrollments\b.*?SET\s+(.*?)(?:\bFROM\b|\bWHERE\b|\bRETURNING\b|\)\s*,|$)", re.DOTALL)
WRITTEN = {name: statement.text for name, statement in STATEMENTS.items()} | {
    f"people.erase.{name}": statement for name, statement in ERASE.items()
}


def changed(statement: str) -> set[str]:
    """Return the columns of enrollments that a statement sets."""
    return {
        name for columns in UPDATES.findall(statement) for name in re.findall(r"(?:^|,\s*)(\w+)\s*=", columns.strip())
    }


WRITERS = {name: text for name, text in WRITTEN.items() if changed(text) & COUNTED}


def test_the_writers_are_found() -> None:
    assert {
        "enrollments.transition_statements.MOVE",
        "enrollments.statements.CLAIM_READY",
        "enrollments.operator_store.RELEASE",
        "followup.statements.ENDED",
        "followup.statements.REPLIED",
        "intake.redecide_statements.DECIDE_AGAIN",
        "people.erase.cancelled",
    } <= set(WRITERS)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_writer_leaves_a_line(name: str) -> None:
    assert "INSERT INTO journal" in WRITERS[name]
