"""The fault table: HubSpot's code -> the party at fault, what follows, and one sentence for people.

The rows are data, in `faults.toml`; docs/faults.md lists each one, and a test compares both with each other and with
the sandbox.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Party(StrEnum):
    """The party at fault for a refusal."""

    CONTACT = "contact"
    SENDER = "sender"
    ACCOUNT = "account"
    US = "us"
    HUBSPOT = "hubspot"


class Next(StrEnum):
    """What follows a refusal."""

    REFUSE = "refuse"  # final: the same request would be refused again
    RETRY = "retry"  # it may succeed later, by itself or once an operator has corrected the account
    HOLD = "hold"  # much later: a sender's limit or the account's day must pass
    PARK = "park"  # a person must look


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `do` is the remedy, for people; `anchor` is the fragment of its heading in docs/faults.md."""

    code: str
    fault: Party
    next: Next
    sentence: str
    do: str = ""
    anchor: str = ""


UNKNOWN_SENTENCE = "HubSpot gave a reason that Segue does not know; a person must look."


@cache
def faults() -> Mapping[str, Fault]:
    """Return the rows by their codes."""
    rows = tomllib.loads(files("app.hubspot.api").joinpath("faults.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            code: Fault(code, Party(row["fault"]), Next(row["next"]), row["sentence"], row["do"], row["anchor"])
            for code, row in rows.items()
        }
    )


def refuses_sender(code: str) -> bool:
    """Tell whether the code refuses a sender until a person helps; another sender can do what it cannot."""
    fault = fault_of(code)
    return fault.fault is Party.SENDER and fault.next is Next.PARK


def fault_of(code: str) -> Fault:
    """Return the row of a code. An unknown code is parked: never retried, and never blamed on the sender."""
    return faults().get(code) or Fault(code, Party.US, Next.PARK, UNKNOWN_SENTENCE)
