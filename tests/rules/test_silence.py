"""`silence` of a source: for how long it may send nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.errors import RulebookError
from app.rules.file.documents import Document
from app.rules.load import load
from app.sources import PROVIDERS

RULES = """\
version: 1
accounts: {main: {token: pat-made-up}}
sources:
  crm: {provider: standard-webhooks, secrets: ["whsec_c2VndWUtbWFkZS11cC1zZWNyZXQ="], silence: SILENCE}
"""


def silent_after(written: str) -> Any:
    document = Document("rules.yaml", RULES.replace("SILENCE", written))
    return load((document,), environment={}, providers=PROVIDERS).sources["crm"].silent_after


@pytest.mark.parametrize(
    ("written", "expected"),
    [("36h", timedelta(hours=36)), ("off", timedelta.max), ('"off"', timedelta.max), ("14 days", timedelta(days=14))],
)
def test_it_is_a_duration_or_off(written: str, expected: timedelta) -> None:
    assert silent_after(written) == expected


@pytest.mark.parametrize("written", ["never", "36", "true", "[]"])
def test_anything_else_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(RulebookError, match="write off, or a duration like 36h"):
        silent_after(written)


def test_where_nothing_is_said_its_rhythm_decides() -> None:
    document = Document("rules.yaml", RULES.replace(", silence: SILENCE", ""))
    assert load((document,), environment={}, providers=PROVIDERS).sources["crm"].silent_after is None
