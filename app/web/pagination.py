"""`cursor` of the lists: the `next_cursor` of the page before, and never one of another list.

With an id of another list, a list would seem to have ended, or would begin anywhere.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, Field

NEXT = "`next_cursor` of the page before"


def _described(prefix: str) -> Any:
    """Return the description of the cursor of a list whose ids have this prefix."""
    return Query(max_length=64, description=NEXT, json_schema_extra={"pattern": f"^{prefix}_[0-9a-z]+$"})


def _own(prefix: str) -> AfterValidator:
    """Return a validator that rejects a cursor that is no id of the list, with a sentence instead of a pattern."""

    def checked(cursor: str | None) -> str | None:
        if cursor is not None and not re.fullmatch(f"{prefix}_[0-9a-z]+", cursor):
            raise ValueError(f"this is no cursor of this list: give its `next_cursor` as it came, {prefix}_...")
        return cursor

    return AfterValidator(checked)


def in_body(prefix: str) -> Any:
    """Return the description of the same cursor in a body."""
    return Field(max_length=64, description=NEXT, pattern=f"^{prefix}_[0-9a-z]+$")


EventCursor = Annotated[str | None, _described("evt"), _own("evt")]
DecisionCursor = Annotated[str | None, _described("dec"), _own("dec")]
EnrollmentCursor = Annotated[str | None, _described("enr"), _own("enr")]
ForgettingCursor = Annotated[str | None, _described("fgt"), _own("fgt")]
OutboundCursor = Annotated[str | None, _described("out"), _own("out")]
JobCursor = Annotated[str | None, _described("job"), _own("job")]
AuditCursor = Annotated[str | None, _described("aud"), _own("aud")]
NumberCursor = Annotated[int | None, Query(ge=1, lt=2**63, description=NEXT)]
