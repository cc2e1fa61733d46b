"""Workflows as values: putting a contact into one, and the id that this wants. Sans-I/O, and the ids once asked for.

Source: HubSpot's OpenAPI collection (Automation V4) for the ids, and live use for the rest. The route is the only one
there is, contact workflows only; it takes the workflow's older id, while its address in HubSpot shows the flow's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from app.errors import Refusal
from app.hubspot.api.refusals import correlation_of, raise_for
from app.hubspot.api.replies import identifier, items
from app.hubspot.api.sequences import Call, accepted

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply
    from app.hubspot.client import HubSpotClient

NOT_FOUND = 404


def enroll_in_workflow(workflow_id: str, email: str) -> Call[None]:
    """Put the contact with this address into a workflow, by the workflow's older id."""
    workflow, person = quote(workflow_id, safe=""), quote(email, safe="")
    return Call(
        route="/automation/v2/workflows/{workflowId}/enrollments/contacts/{email}",
        method="POST",
        path=f"/automation/v2/workflows/{workflow}/enrollments/contacts/{person}",
        decipher=_done,
    )


def workflow_id(flow_id: str) -> Call[str]:
    """Ask for the older id of the workflow with this flow id. A Refusal of 404 says that there is none."""
    return Call(
        route="/automation/v4/workflow-id-mappings/batch/read",
        method="POST",
        path="/automation/v4/workflow-id-mappings/batch/read",
        json={"inputs": [{"flowId": flow_id, "type": "FLOW_ID"}]},
        decipher=lambda reply: _workflow_id(reply, flow_id),
    )


def _done(reply: Reply) -> None:
    if not reply.ok:
        raise_for(reply)


def _workflow_id(reply: Reply, flow_id: str) -> str:
    for item in items(accepted(reply).get("results")):
        found = identifier(item.get("workflowId"))
        if found is not None and identifier(item.get("flowId")) == flow_id:
            return found
    told = f"there is no contact workflow with the flow id {flow_id}"
    raise Refusal("OBJECT_NOT_FOUND", told, status=NOT_FOUND, correlation_id=correlation_of(reply))


class Workflows:
    """The older ids of one account's workflows, each asked for once: they do not change."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    async def older_id(self, flow_id: str) -> str:
        """Return the older id of the workflow with this flow id. Raises Refusal where there is none."""
        if flow_id not in self._known:
            self._known[flow_id] = await self._client.workflow_id(flow_id)
        return self._known[flow_id]
