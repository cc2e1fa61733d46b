"""Trouble on request. Chance is a digest of seed, subject and count: the same in every run, whatever the timing."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.sandbox.forced_errors import STATUSES

Kind = Literal["drop_before", "drop_after", "torn", "hang", "status"]


class Fault(BaseModel):
    """One kind of trouble on one route.

    drop_before closes the connection unanswered before processing, drop_after after it; torn breaks the answer off;
    hang never answers; status refuses with `code` before processing, by its own status where `status` says no other. It
    strikes with `probability`, at
    most `times` times in all, only for `emails` and only at the `nth` request of a subject (from 1) where given.
    """

    model_config = ConfigDict(extra="forbid")

    route: str = "enroll"
    kind: Kind
    probability: float = Field(1.0, ge=0, le=1)
    times: int | None = Field(None, ge=1)
    nth: int | None = Field(None, ge=1)
    emails: list[str] | None = None
    status: int | None = Field(None, ge=400, le=599)
    code: str = "ERROR"
    retry_after: str | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _known(self) -> Self:
        """HubSpot is not known to say anything else; whoever wants to see what follows names the status, too."""
        if self.kind == "status" and self.status is None and self.code not in STATUSES:
            raise ValueError(f"{self.code} is none of HubSpot's codes: name its status")
        return self


class Faults:
    """The troubles in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._seen: Counter[tuple[int, str]] = Counter()
        self._struck: Counter[int] = Counter()

    def replace(self, faults: list[Fault]) -> None:
        """Put these in force, instead of the ones before."""
        self._faults = faults
        self._seen.clear()
        self._struck.clear()

    def strike(self, route: str, subject: str) -> Fault | None:
        """Return the trouble that this request meets; `subject` is whom it is about (an address, or the route)."""
        met: Fault | None = None
        low = 0.0
        for number, fault in enumerate(self._faults):
            if fault.route != route or (fault.emails is not None and subject not in fault.emails):
                continue
            self._seen[number, subject] += 1
            count = self._seen[number, subject]
            chance = _chance(fault.seed, subject, count)
            # Faults with one seed share one throw: 15 % of this and 15 % of that strike 30 % together.
            hit = low <= chance < low + fault.probability
            low += fault.probability if fault.probability < 1 else 0.0
            if met is None and hit and self._may(number, fault, count):
                met = fault
                self._struck[number] += 1
        return met

    def _may(self, number: int, fault: Fault, count: int) -> bool:
        left = fault.times is None or self._struck[number] < fault.times
        return left and (fault.nth is None or fault.nth == count)


def _chance(seed: int, subject: str, count: int) -> float:
    digest = hashlib.sha256(f"{seed}|{subject}|{count}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
