"""Workflows: contacts are put in and taken out by address and legacy id; flow ids are mapped to legacy ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person
    from app.sandbox.state.seed import Workflow


def enroll(state: State, asked: Asked) -> tuple[int, None]:
    """Put a contact into a workflow. The body for an unknown address or workflow is not known from live runs."""
    workflow, person = _named(state, asked)
    state.enter(person, workflow, at=state.clock())
    return 204, None


def unenroll(state: State, asked: Asked) -> tuple[int, None]:
    """Take a contact out of a workflow: what it would still have done is not done."""
    workflow, person = _named(state, asked)
    person.leaving = [entry for entry in person.leaving if entry[1] != workflow.flow_id]
    state.ledger.workflow(state.clock(), workflow, person, action="unenrolled")
    return 204, None


def mappings(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Map flow ids to legacy workflow ids, or back; who is not there is an error of a 207."""
    results: list[dict[str, int]] = []
    missing: list[str] = []
    for item in asked.inputs():
        key = "workflowId" if item.get("type") == "WORKFLOW_ID" else "flowId"
        found = _by(state, key, str(item.get(key, "")))
        if found is None:
            missing.append(str(item.get(key, "")))
        else:
            results.append({"flowId": int(found.flow_id), "workflowId": int(found.legacy_id)})
    now = stamp(state.clock())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if not missing:
        return 200, body
    errors = [not_found("workflow").body | {"context": {"ids": missing}}]
    return 207, body | {"numErrors": len(errors), "errors": errors}


def _by(state: State, key: str, identity: str) -> Workflow | None:
    if key == "workflowId":
        return state.workflows.get(identity)
    return next((one for one in state.workflows.values() if one.flow_id == identity), None)


def _named(state: State, asked: Asked) -> tuple[Workflow, Person]:
    workflow = state.workflows.get(asked.path["workflowId"])
    if workflow is None:
        raise not_found("workflow")
    person = state.person(asked.path["email"], by_email=True)
    if person is None:
        raise not_found("contact")
    return workflow, person
