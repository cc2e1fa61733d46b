"""Faults on request. Chance is a digest of seed, subject and count, so it is the same in every run."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.sandbox.forced_errors import STATUSES

Kind = Literal["drop_before", "drop_after", "torn", "hang", "status"]


class Fault(BaseModel):
    """One kind of fault on one route.

    drop_before closes the connection before processing, drop_after closes it after processing without an answer; torn
    ends the answer halfway; hang never answers; status refuses with `code` before processing, with the code's own
    status unless `status` names another. A fault applies with `probability`, at most `times` times in all, and where
    given only to `emails` and only to the `nth` request of a subject (from 1).
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
        """Require a status for a code that HubSpot is not known to use."""
        if self.kind == "status" and self.status is None and self.code not in STATUSES:
            raise ValueError(f"{self.code} is none of HubSpot's codes: name its status")
        return self


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._seen: Counter[tuple[int, str]] = Counter()
        self._applied: Counter[int] = Counter()

    def replace(self, faults: list[Fault]) -> None:
        """Replace the faults in force."""
        self._faults = faults
        self._seen.clear()
        self._applied.clear()

    def next_fault(self, route: str, subject: str) -> Fault | None:
        """Return the fault for this request, if any; `subject` is the contact's address, or the route."""
        chosen: Fault | None = None
        low = 0.0
        for number, fault in enumerate(self._faults):
            if fault.route != route or (fault.emails is not None and subject not in fault.emails):
                continue
            self._seen[number, subject] += 1
            count = self._seen[number, subject]
            chance = _chance(fault.seed, subject, count)
            # Faults with the same seed share one random number: two of 15 % each apply to 30 % together.
            hit = low <= chance < low + fault.probability
            low += fault.probability if fault.probability < 1 else 0.0
            if chosen is None and hit and self._may_apply(number, fault, count):
                chosen = fault
                self._applied[number] += 1
        return chosen

    def _may_apply(self, number: int, fault: Fault, count: int) -> bool:
        left = fault.times is None or self._applied[number] < fault.times
        return left and (fault.nth is None or fault.nth == count)


def _chance(seed: int, subject: str, count: int) -> float:
    digest = hashlib.sha256(f"{seed}|{subject}|{count}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
