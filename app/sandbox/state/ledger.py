"""What was received: requests counted by route, and every enroll request with its outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.sandbox.state.contacts import Contact
    from app.sandbox.state.seed import Workflow


@dataclass
class Entry:
    """One enroll request. `outcome` is HubSpot's code, `enrolled`, or the kind of fault that it met."""

    n: int
    at: float
    contact_id: str
    email: str
    sequence: str
    user_id: str
    sender: str
    alias: str = ""
    outcome: str = "received"
    processed: bool = False
    enrollment_id: str | None = None


@dataclass(frozen=True)
class WorkflowEntry:
    """A contact entered or left a workflow; `trigger` is the property that caused it, empty for a request."""

    n: int
    at: float
    flow_id: str
    workflow_id: str
    contact_id: str
    email: str
    action: str
    trigger: str


class Ledger:
    """The record of one account, in the order of arrival."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.workflow_entries: list[WorkflowEntry] = []
        self.calls: Counter[tuple[str, int]] = Counter()
        self.arrivals: list[float] = []

    def record_enroll(
        self, at: float, *, contact_id: str, email: str, sequence: str, user_id: str, sender: str, alias: str = ""
    ) -> Entry:
        """Record an enroll request as it arrives."""
        entry = Entry(len(self.entries) + 1, at, contact_id, email, sequence, user_id, sender, alias)
        self.entries.append(entry)
        return entry

    def record_workflow(
        self, at: float, workflow: Workflow, contact: Contact, *, action: str, trigger: str = ""
    ) -> None:
        """Record that a contact entered or left a workflow."""
        number = len(self.workflow_entries) + 1
        ids = (workflow.flow_id, workflow.legacy_id, contact.id, contact.email)
        self.workflow_entries.append(WorkflowEntry(number, at, *ids, action, trigger))

    def rows(self) -> list[dict[str, Any]]:
        """Return the enroll requests in the order of arrival."""
        return [asdict(entry) for entry in self.entries]

    def workflow_rows(self) -> list[dict[str, Any]]:
        """Return the entries and exits of workflows, in order."""
        return [asdict(entry) for entry in self.workflow_entries]

    def counts(self) -> dict[str, Any]:
        """Return calls by route and status, and the instants at which requests arrived."""
        by_route: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.calls.items()):
            by_route.setdefault(route, {})[str(status)] = count
        return {"total": sum(self.calls.values()), "routes": by_route, "arrivals": self.arrivals}
