"""Control of what the sandbox sends: webhook subscriptions, and a workflow's webhook action on request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.sandbox.control.errors import object_of, person_of
from app.sandbox.request import every
from app.sandbox.webhooks.queue import Hook
from app.sandbox.webhooks.signing import workflow_headers

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals
    from app.sandbox.state.contacts import Person

ADDRESS = r"https?://[!-~]+"
ContactEvent = Annotated[str, Field(pattern=r"^contact\.[A-Za-z]{1,40}$")]  # of which three happen here


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=f"^{ADDRESS}$", max_length=2000)
    secret: str = Field(pattern="^[ -~]*$")


class Subscription(_Told):
    """What a URL is told of from now on; without `properties`, every property."""

    subscriptions: list[ContactEvent] = ["contact.propertyChange"]
    properties: list[str] = []


class WorkflowWebhook(_Told):
    """A workflow's "send a webhook" action, done now. `body` stands in for the contact where it was customised."""

    email: str
    body: dict[str, Any] | None = None


def listed(_: Portals, state: State, __: Any) -> list[dict[str, Any]]:
    """Tell of each subscriber what it answered (0: nothing) and how much waits for it."""
    return [
        {
            "url": hook.url,
            "subscriptions": hook.subscriptions,
            "properties": hook.properties,
            "answers": hook.answers,
            "waiting": len(hook.waiting) + sum(len(batch.events) for batch in hook.batches),
        }
        for hook in state.outbox.hooks
    ]


def subscribe(_: Portals, state: State, told: Any) -> dict[str, int]:
    """Tell a URL of changes from now on."""
    asked = Subscription.model_validate(told)
    state.everybody()  # what has happened before is not told
    state.outbox.subscribe(Hook(asked.url, asked.secret, tuple(asked.subscriptions), tuple(asked.properties)))
    return {"portalId": state.portal_id}


def end(_: Portals, state: State, __: Any) -> dict[str, bool]:
    """Tell nobody any more."""
    state.outbox.hooks = []
    return {"ok": True}


async def deliver(portals: Portals, state: State, _: Any) -> dict[str, int]:
    """Deliver what is due now, instead of within the next fifth of a second."""
    return {"delivered": await portals.deliver(state)}


async def workflow_webhook(portals: Portals, state: State, told: Any) -> dict[str, int]:
    """Post a contact as a workflow does, once; the real one tries again as `Retry-After` says, in milliseconds."""
    asked = WorkflowWebhook.model_validate(object_of(told))
    person = person_of(state, {"email": asked.email})
    chosen = asked.body if asked.body is not None else _contact(state, person)
    body = json.dumps(chosen).encode()
    return {"status": await portals.courier.post(asked.url, body, workflow_headers(asked.secret, asked.url, body))}


def _contact(state: State, person: Person) -> dict[str, Any]:
    """Return a contact in the older form that workflows send."""
    properties = {name: {"value": value} for name, value in every(person, person.properties).items()}
    return {"vid": int(person.id), "portal-id": state.portal_id, "properties": properties}
