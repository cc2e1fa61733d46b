"""Workflows as values: putting a contact into one, and the workflow id that this call takes. Sans-I/O.

Source: HubSpot's OpenAPI collection (Automation V4) for the ids, and live use for the rest. HubSpot has no other route,
and this one serves contact workflows only. It takes the workflow's legacy id; the address bar in HubSpot shows the flow
id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import Refusal
from app.hubspot.api.call import NOT_FOUND, Call, accepted
from app.hubspot.api.refusals import correlation_of, raise_for
from app.hubspot.api.replies import identifier, items

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply


def enroll_in_workflow(workflow_id: str, email: str) -> Call[None]:
    """Put the contact with this address into a workflow, by the workflow's legacy id."""
    return Call(
        route="/automation/v2/workflows/{workflowId}/enrollments/contacts/{email}",
        method="POST",
        parts={"workflowId": workflow_id, "email": email},
        parse=_done,
    )


def workflow_id(flow_id: str) -> Call[str]:
    """Ask for the legacy id of the workflow with this flow id. A Refusal of 404 says that there is none."""
    return Call(
        route="/automation/v4/workflow-id-mappings/batch/read",
        method="POST",
        json={"inputs": [{"flowId": flow_id, "type": "FLOW_ID"}]},
        parse=lambda reply: _workflow_id(reply, flow_id),
    )


def _done(reply: Reply) -> None:
    if not reply.ok:
        raise_for(reply)


def _workflow_id(reply: Reply, flow_id: str) -> str:
    for item in items(accepted(reply).get("results")):
        found = identifier(item.get("workflowId"))
        if found is not None and identifier(item.get("flowId")) == flow_id:
            return found
    detail = f"there is no contact workflow with the flow id {flow_id}"
    raise Refusal("OBJECT_NOT_FOUND", detail, status=NOT_FOUND, correlation_id=correlation_of(reply))
