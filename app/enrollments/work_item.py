"""The enrollment in work: what one attempt has found out and done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.model import Enrollment, Sender
    from app.people.identity import Person


@dataclass(slots=True)
class WorkItem:
    """An enrollment at the step that this attempt has reached, by which errors are judged.

    `facts` are the contact's properties that were read, `person` says who the contact is. `removed`: a workflow has
    just taken the contact out of its sequence, as far as HubSpot shows.
    """

    enrollment: Enrollment
    facts: dict[str, str | None] = field(default_factory=dict)
    person: Person | None = None
    removed: bool = False

    @property
    def known_person(self) -> Person:
        """Who the contact is, once it was read."""
        if self.person is None:
            raise AssertionError("the contact of this enrollment was not read")
        return self.person

    @property
    def sender(self) -> Sender:
        """Who sends, once a sender is assigned."""
        if self.enrollment.sender is None:
            raise AssertionError("no sender is assigned to this enrollment")
        return self.enrollment.sender
