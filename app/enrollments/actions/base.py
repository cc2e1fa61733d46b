"""What every action has, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.enrollments.prepare import Preparer
    from app.enrollments.store import EnrollmentStore
    from app.enrollments.unenroll import Unenroller
    from app.hubspot.batched import BatchedHubSpot
    from app.hubspot.client import HubSpotClient
    from app.model import Enrollment


class Tools(NamedTuple):
    """What actions work with: the record, HubSpot by shared calls and by single ones, and what enrolling shares."""

    store: EnrollmentStore
    hubspot: BatchedHubSpot
    client: HubSpotClient
    preparer: Preparer
    unenroller: Unenroller


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `perform` returns what was done, in a sentence.

    It raises HeldError, DeclinedError, ParkedError, FenceLost, and what HubSpot raises. `reaches` says whether the
    person notices it: then a person who has left since is not reached any more.
    """

    perform: Callable[[Enrollment, Tools], Awaitable[str]]
    reaches: bool = False
