"""What one check found: how it stands, in a sentence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Status(StrEnum):
    """How a check ended. What HubSpot does not tell, or nobody knows of it, is `unknown` and never `failed`."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `account` is empty for what concerns all of Segue; `do` where nothing is to be done."""

    check: str
    status: Status
    told: str
    do: str = ""
    account: str = ""


def ok(check: str, told: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(check, Status.OK, told)


def warning(check: str, told: str, do: str) -> Finding:
    """Return a finding that something may go wrong."""
    return Finding(check, Status.WARNING, told, do)


def failed(check: str, told: str, do: str) -> Finding:
    """Return a finding that enrollments will not go out."""
    return Finding(check, Status.FAILED, told, do)


def unknown(check: str, told: str, do: str = "") -> Finding:
    """Return a finding that nobody can tell."""
    return Finding(check, Status.UNKNOWN, told, do)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 when anything failed, else 0."""
    return int(any(finding.status is Status.FAILED for finding in findings))
