"""Endpoints: the operator's own systems that receive signed webhooks about enrollments."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.model.delivery import Secret


class OutboundKind(StrEnum):
    """The events of an enrollment that endpoints can receive."""

    ENROLLED = "enrolled"
    REFUSED = "refused"
    PARKED = "parked"
    ENDED = "ended"
    REPLIED = "replied"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the operator's systems, which receives webhooks about enrollments.

    Every one of `secrets` signs; `accounts` are keys of the rulebook's `accounts` (None: all). `shown` is the URL as
    the rules file has it, its variables unexpanded: it holds no secret. `fingerprint` changes when the URL or a secret
    does.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[Secret, ...]
    kinds: frozenset[OutboundKind]
    accounts: frozenset[str] | None
    shown: str
    fingerprint: str
