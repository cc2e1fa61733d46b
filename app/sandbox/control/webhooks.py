"""Control of outgoing webhooks: subscriptions, delivery now, and a workflow's "send a webhook" action."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.sandbox.bodies import with_system_properties
from app.sandbox.control.errors import contact_of, object_of
from app.sandbox.webhooks.queue import Subscriber
from app.sandbox.webhooks.signing import workflow_headers

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts
    from app.sandbox.state.contacts import Contact

ADDRESS = r"https?://[!-~]+"
ContactEvent = Annotated[str, Field(pattern=r"^contact\.[A-Za-z]{1,40}$")]  # the sandbox sends three of them


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=f"^{ADDRESS}$", max_length=2000)
    secret: str = Field(pattern="^[ -~]*$")


class Subscription(_Target):
    """The events that a URL gets from now on; without `properties`, those of every property."""

    subscriptions: list[ContactEvent] = ["contact.propertyChange"]
    properties: list[str] = []


class WorkflowWebhook(_Target):
    """A workflow's "send a webhook" action, executed now. A customised `body` replaces the contact."""

    email: str
    body: dict[str, Any] | None = None


def list_subscribers(_: Accounts, account: Account, __: Any) -> list[dict[str, Any]]:
    """Return for each subscriber its answers (0: none came) and how many events wait for it."""
    return [
        {
            "url": subscriber.url,
            "subscriptions": subscriber.subscriptions,
            "properties": subscriber.properties,
            "answers": subscriber.answers,
            "waiting": len(subscriber.waiting) + sum(len(batch.events) for batch in subscriber.batches),
        }
        for subscriber in account.outbox.subscribers
    ]


def subscribe(_: Accounts, account: Account, body: Any) -> dict[str, int]:
    """Send changes from now on to a URL."""
    wanted = Subscription.model_validate(body)
    account.contacts()  # brings every contact up to date: earlier changes are not sent
    subscriber = Subscriber(wanted.url, wanted.secret, tuple(wanted.subscriptions), tuple(wanted.properties))
    account.outbox.subscribe(subscriber)
    return {"portalId": account.id}


def unsubscribe_all(_: Accounts, account: Account, __: Any) -> dict[str, bool]:
    """Remove all subscribers."""
    account.outbox.subscribers = []
    return {"ok": True}


async def deliver(accounts: Accounts, account: Account, _: Any) -> dict[str, int]:
    """Deliver what is due now, instead of within the next fifth of a second."""
    return {"delivered": await accounts.deliver(account)}


async def workflow_webhook(accounts: Accounts, account: Account, body: Any) -> dict[str, int]:
    """Post a contact as a workflow does, once; HubSpot retries as `Retry-After` says, in milliseconds."""
    wanted = WorkflowWebhook.model_validate(object_of(body))
    contact = contact_of(account, {"email": wanted.email})
    payload = json.dumps(wanted.body if wanted.body is not None else _legacy_form(account, contact)).encode()
    headers = workflow_headers(wanted.secret, wanted.url, payload)
    return {"status": await accounts.client.post(wanted.url, payload, headers)}


def _legacy_form(account: Account, contact: Contact) -> dict[str, Any]:
    """Return a contact in the older form that workflows send."""
    named = with_system_properties(contact, contact.properties)
    properties = {name: {"value": value} for name, value in named.items()}
    return {"vid": int(contact.id), "portal-id": account.id, "properties": properties}
