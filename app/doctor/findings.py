"""What one check found: its status, a sentence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended. A fact that cannot be read, or is not documented, is `unknown` and never `failed`."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `account` is empty for what concerns all of Segue; `do` where nothing is to be done.

    The fields are those of the report in JSON.
    """

    check: str
    status: Status
    told: str
    do: str = ""
    account: str = ""


def ok(check: str, message: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(check, Status.OK, message)


def warning(check: str, message: str, do: str) -> Finding:
    """Return a finding that something may go wrong."""
    return Finding(check, Status.WARNING, message, do)


def failed(check: str, message: str, do: str) -> Finding:
    """Return a finding that enrollments will not be sent."""
    return Finding(check, Status.FAILED, message, do)


def unknown(check: str, message: str, do: str = "") -> Finding:
    """Return a finding about a fact that cannot be known."""
    return Finding(check, Status.UNKNOWN, message, do)
