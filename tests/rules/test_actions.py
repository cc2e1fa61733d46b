from __future__ import annotations

from app.enrollments.actions import ACTIONS as PERFORMED
from app.rules.actions import ACTIONS as WRITTEN


def test_what_rules_may_write_is_carried_out_by_a_module_of_its_name() -> None:
    # Enrolling is the page of its room, and a rule that ignores asks for nothing.
    assert set(WRITTEN) - {"enroll", "ignore"} == set(PERFORMED)
