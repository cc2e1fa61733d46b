"""The fault table: HubSpot's code -> whose fault it is, what follows, and one sentence for people.

The rows are data, in `faults.toml`; docs/faults.md lists every one, and a test holds both to each other and to the
sandbox.
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


class Whose(StrEnum):
    """Whose fault a refusal is."""

    CONTACT = "contact"
    SENDER = "sender"
    ACCOUNT = "account"
    US = "us"
    HUBSPOT = "hubspot"


class Next(StrEnum):
    """What follows a refusal."""

    REFUSE = "refuse"  # final: the same request would be refused again
    RETRY = "retry"  # it may go well later, by itself or once somebody has mended the account
    HOLD = "hold"  # much later: a sender's limit or the account's day must pass
    PARK = "park"  # a person must look
    SETTLE = "settle"  # what became of it must be read first


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `do` is what a person can do about it; `anchor` is the fragment of its heading in docs/faults.md."""

    code: str
    fault: Whose
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
            code: Fault(code, Whose(row["fault"]), Next(row["next"]), row["sentence"], row["do"], row["anchor"])
            for code, row in rows.items()
        }
    )


def fault_of(code: str) -> Fault:
    """Return the row of a code. An unknown code is parked: never retried, and never blamed on the sender."""
    return faults().get(code) or Fault(code, Whose.US, Next.PARK, UNKNOWN_SENTENCE)
