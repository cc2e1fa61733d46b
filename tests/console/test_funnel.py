"""The steps from a delivery to a reply, in words."""

from __future__ import annotations

import pytest

from app.console.funnel import UNMATCHED, reason_words, steps
from app.hubspot.api.faults import faults
from app.tallies.figures import Drop, Funnel
from app.tallies.stages import Stage, Unmatched


def funnel(**more: object) -> Funnel:
    counts = {Stage.VERIFIED: 90, Stage.UNMATCHED: 50, Stage.INELIGIBLE: 5, Stage.WAITING: 6, Stage.ENROLLED: 29}
    drops = (
        Drop(Stage.UNMATCHED, Unmatched.NO_MATCH, known=True, n=45),
        Drop(Stage.UNMATCHED, Unmatched.IGNORED, known=True, n=5),
        Drop(Stage.INELIGIBLE, "suppressed", known=True, n=5),
        Drop(Stage.WAITING, "window", known=True, n=6),
    )
    values = {"received": 120, "rejected": 17, "repeated": 3, "verified": 100, "no_rule": 10, "counts": counts}
    return Funnel(**{**values, "drops": drops, **more})  # type: ignore[arg-type]


def test_each_step_says_where_the_others_stayed() -> None:
    found = {step.word: (step.count, step.of, step.others) for step in steps(funnel(), [("signature_mismatch", 17)])}
    assert found["Received"] == (120, None, "3 came again, and count once")
    assert found["Verified"] == (100, 120, "17 rejected: 17 signature mismatch")
    assert found["Matched"][:2] == (40, 100)
    assert found["Matched"][2].startswith(
        "10 that no rule listens to (counted, not kept) · 50 without a match: 45 no rule"
    )
    assert found["May be enrolled"][:2] == (35, 40)
    assert "5 may not be enrolled" in found["May be enrolled"][2]
    assert found["Enrolled"][:2] == (29, 35)
    assert "6 wait: 6 the sending window of the rule is closed" in found["Enrolled"][2]
    assert found["Replied"][:2] == (0, 29)


def test_reasons_beyond_the_first_are_one_figure() -> None:
    rejections = [(f"reason_{number}", 10 - number) for number in range(6)]
    verified = steps(funnel(rejected=45), rejections)[1]
    assert verified.others.endswith("7 reason 3, 11 for other reasons")


@pytest.mark.parametrize("reason", [*Unmatched, *UNMATCHED, *faults()])
def test_no_class_of_reasons_is_a_code(reason: str) -> None:
    for stage in Stage:
        words = reason_words(stage, reason)
        assert words
        assert "_" not in words or stage in {Stage.VERIFIED, Stage.UNDECIDED, Stage.DONE, Stage.ENROLLED}
