"""Workflows: enroll and unenroll contacts by address and legacy id; map flow ids to legacy ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.bodies import batch
from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact
    from app.sandbox.state.seed import Workflow


def enroll(account: Account, request: Request) -> Response:
    """Put a contact into a workflow. The body for an unknown address or workflow is not known from live runs."""
    workflow, contact = _workflow_and_contact(account, request)
    account.enter_workflow(contact, workflow, at=account.clock())
    return 204, None


def unenroll(account: Account, request: Request) -> Response:
    """Take a contact out of a workflow, which then does no more to it."""
    workflow, contact = _workflow_and_contact(account, request)
    contact.unenrollments = [entry for entry in contact.unenrollments if entry[1] != workflow.flow_id]
    account.ledger.record_workflow(account.clock(), workflow, contact, action="unenrolled")
    return 204, None


def mappings(account: Account, request: Request) -> Response:
    """Map flow ids to legacy workflow ids, or back; an unknown id is an error of a 207."""
    results: list[dict[str, Any]] = []
    missing: list[str] = []
    for item in request.inputs():
        key = "workflowId" if item.get("type") == "WORKFLOW_ID" else "flowId"
        found = _workflow(account, key, str(item.get(key, "")))
        if found is None:
            missing.append(str(item.get(key, "")))
        else:
            results.append({"flowId": int(found.flow_id), "workflowId": int(found.legacy_id)})
    errors = [not_found("workflow").body | {"context": {"ids": missing}}] if missing else []
    return batch(account, results, errors)


def _workflow(account: Account, key: str, id_: str) -> Workflow | None:
    if key == "workflowId":
        return account.workflows.get(id_)
    return next((each for each in account.workflows.values() if each.flow_id == id_), None)


def _workflow_and_contact(account: Account, request: Request) -> tuple[Workflow, Contact]:
    workflow = account.workflows.get(request.path["workflowId"])
    if workflow is None:
        raise not_found("workflow")
    contact = account.contact(request.path["email"], by_email=True)
    if contact is None:
        raise not_found("contact")
    return workflow, contact
