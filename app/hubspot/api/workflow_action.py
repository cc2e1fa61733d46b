"""An action of our own for HubSpot's workflows, as values: its definition, and the calls that register it. Sans-I/O.

Source: HubSpot's custom action pages and its OpenAPI collection (Actions V4, 2026-03). These routes belong to developer
accounts. Which credential they take is not certain: the pages of 2026-03 show a bearer token, the collection names
`hapikey`, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.hubspot.api.replies import identifier, items, text
from app.hubspot.api.sequences import Call, accepted, next_page, unreadable

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply

PROPERTIES = ("email", "firstname", "lastname", "company")


@dataclass(frozen=True, slots=True)
class Developer:
    """Whose action it is: the app, and what lets its developer in, as a bearer token or as `hapikey`."""

    app_id: str
    key: str = field(repr=False)
    hapikey: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """A definition that HubSpot keeps."""

    id: str
    url: str
    revision: str
    published: bool


@dataclass(frozen=True, slots=True)
class RegisteredPage:
    """One page of them; `after` asks for the next, None at the end."""

    definitions: tuple[Registered, ...]
    after: str | None


def definition(url: str, *, published: bool | None) -> dict[str, Any]:
    """Return the definition of the action that posts a contact to `url`. Unpublished, only its developer sees it.

    None says nothing about that: a definition that is changed by such a one is seen by whoever sees it now.
    """
    purpose = "What rules look at, as event.data.inputFields.purpose"
    labels = {
        "appDisplayName": "Segue",
        "actionName": "Hand over to Segue",
        "actionDescription": "Segue's rules decide about sequence, owner and sender, and enroll the contact.",
        "actionCardContent": "Hand over to Segue: {{purpose}}",
        "inputFieldLabels": {"purpose": "Purpose"},
        "inputFieldDescriptions": {"purpose": purpose},
    }
    named = {"name": "purpose", "type": "string", "fieldType": "text", "options": []}
    return {
        "actionUrl": url,
        "objectTypes": ["CONTACT"],
        "objectRequestOptions": {"properties": list(PROPERTIES)},
        "inputFields": [{"typeDefinition": named, "supportedValueTypes": ["STATIC_VALUE"], "isRequired": False}],
        "labels": {"en": labels},
        "functions": [],
        **({} if published is None else {"published": published}),
    }


def component(url: str, *, published: bool) -> dict[str, Any]:
    """Return the same as a file of a developer project, `workflow-actions/segue-hsmeta.json`."""
    config = definition(url, published=None)
    config |= {"isPublished": published, "supportedClients": [{"client": "WORKFLOWS"}]}
    return {"uid": "segue_hand_over", "type": "workflow-action", "config": config}


def list_actions(version: str, developer: Developer, after: str | None = None) -> Call[RegisteredPage]:
    """List the app's definitions, a page at a time."""
    return _call("GET", version, developer, "", _page, query=(("after", after),) if after else ())


def create_action(version: str, developer: Developer, told: dict[str, Any]) -> Call[Registered]:
    """Register a definition: at first nobody but its developer sees it, where it says nothing about that."""
    return _call("POST", version, developer, "", _registered, json={"published": False} | told)


def update_action(version: str, developer: Developer, identity: str, told: dict[str, Any]) -> Call[Registered]:
    """Register a definition anew, in the place of an earlier one; what it says nothing about stays as it is."""
    return _call("PATCH", version, developer, f"/{quote(identity, safe='')}", _registered, json=told)


def _call(
    method: str,
    version: str,
    developer: Developer,
    rest: str,
    decipher: Any,
    *,
    query: tuple[tuple[str, str], ...] = (),
    json: dict[str, Any] | None = None,
) -> Call[Any]:
    return Call(
        route="/automation/actions/{version}/{appId}" + ("/{definitionId}" if rest else ""),
        method=method,
        path=f"/automation/actions/{quote(version, safe='')}/{quote(developer.app_id, safe='')}{rest}",
        query=(*query, *((("hapikey", developer.key),) if developer.hapikey else ())),
        json=json,
        decipher=decipher,
        bearer=not developer.hapikey,
    )


def _page(reply: Reply) -> RegisteredPage:
    body = accepted(reply)
    found = (_read(item) for item in items(body.get("results")))
    return RegisteredPage(tuple(one for one in found if one is not None), next_page(body))


def _registered(reply: Reply) -> Registered:
    found = _read(accepted(reply))
    if found is None:
        raise unreadable(reply)
    return found


def _read(item: dict[str, Any]) -> Registered | None:
    identity = identifier(item.get("id"))
    revision = identifier(item.get("revisionId")) or "unknown"
    seen = item.get("published") is True
    return Registered(identity, text(item.get("actionUrl")) or "", revision, seen) if identity else None
