"""An action of our own for HubSpot's workflows, as values: its definition, and the calls that register it. Sans-I/O.

Source: HubSpot's custom action pages and its OpenAPI collection (Actions V4, 2026-03). These routes belong to developer
accounts. Which credential they take is not certain: the pages of 2026-03 show a bearer token, the collection also names
`hapikey`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import Call, Page, accepted, page, paging, unreadable
from app.hubspot.api.replies import identifier, text

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply

PROPERTIES = ("email", "firstname", "lastname", "company")


@dataclass(frozen=True, slots=True)
class Developer:
    """The app that owns the action, and its developer's credential, sent as a bearer token or as `hapikey`."""

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


def definition(url: str, *, published: bool | None) -> dict[str, Any]:
    """Return the definition of the action that posts a contact to `url`. Unpublished, only its developer sees it.

    With `published` None the definition leaves this open: an update with it changes nothing about who sees the action.
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
    """Return the definition as a file of a developer project, `workflow-actions/segue-hsmeta.json`."""
    config = definition(url, published=None)
    config |= {"isPublished": published, "supportedClients": [{"client": "WORKFLOWS"}]}
    return {"uid": "segue_hand_over", "type": "workflow-action", "config": config}


def list_actions(developer: Developer, after: str | None = None) -> Call[Page[Registered]]:
    """List the app's definitions, a page at a time."""
    return _call("GET", developer, lambda reply: page(reply, _read), query=paging(after))


def create_action(developer: Developer, definition: dict[str, Any]) -> Call[Registered]:
    """Register a definition. Where it does not say whether it is published, it is not."""
    return _call("POST", developer, _registered, json={"published": False} | definition)


def update_action(developer: Developer, id_: str, definition: dict[str, Any]) -> Call[Registered]:
    """Replace a registered definition; what the new one leaves open stays as it is."""
    return _call("PATCH", developer, _registered, id_=id_, json=definition)


def _call(
    method: str,
    developer: Developer,
    parse: Any,
    *,
    id_: str | None = None,
    query: tuple[tuple[str, str], ...] = (),
    json: dict[str, Any] | None = None,
) -> Call[Any]:
    return Call(
        route="/automation/actions/{version}/{appId}" + ("/{definitionId}" if id_ else ""),
        method=method,
        parts={"appId": developer.app_id, "definitionId": id_ or ""},
        query=(*query, *((("hapikey", developer.key),) if developer.hapikey else ())),
        json=json,
        parse=parse,
        bearer=not developer.hapikey,
    )


def _registered(reply: Reply) -> Registered:
    found = _read(accepted(reply))
    if found is None:
        raise unreadable(reply)
    return found


def _read(item: dict[str, Any]) -> Registered | None:
    id_ = identifier(item.get("id"))
    revision = identifier(item.get("revisionId")) or "unknown"
    published = item.get("published") is True
    return Registered(id_, text(item.get("actionUrl")) or "", revision, published) if id_ else None
