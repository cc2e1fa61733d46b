"""Definitions of contact properties. Their fields are those of HubSpot's OpenAPI files (CRM/Properties, 2026-03)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contact_properties import ContactProperty

FIELD_TYPES = {"string": "text", "number": "number", "bool": "booleancheckbox", "enumeration": "select"}


def list_all(account: Account, _: Request) -> Response:
    """List the definitions of all contact properties, on one page."""
    return 200, {"results": [definition(each) for each in account.properties().values()]}


def read(account: Account, request: Request) -> Response:
    """Read one definition."""
    found = account.properties().get(request.path["propertyName"])
    if found is None:
        raise not_found(f'property "{request.path["propertyName"]}"')
    return 200, definition(found)


def definition(property_: ContactProperty) -> dict[str, Any]:
    """Return a definition as HubSpot shows it."""
    field_type = "calculation_equation" if property_.calculated else FIELD_TYPES.get(property_.type, "date")
    return {
        "name": property_.name,
        "label": property_.name.replace("_", " ").capitalize(),
        "type": property_.type,
        "fieldType": "checkbox" if property_.several else field_type,
        "description": "",
        "groupName": "contactinformation",
        "options": [_option(value, label, place) for place, (value, label) in enumerate(_options(property_))],
        "calculated": property_.calculated,
        "externalOptions": property_.type == "enumeration" and not property_.options,
        "hasUniqueValue": property_.name == "email",
        "hidden": False,
        "formField": True,
        "hubspotDefined": not property_.name.startswith("segue_"),
        "archived": False,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": False,
            "readOnlyValue": property_.read_only or property_.calculated,
        },
    }


def _options(property_: ContactProperty) -> list[tuple[str, str]]:
    """Return the values of the options, each with its label."""
    if property_.type == "bool":
        return [("true", "Yes"), ("false", "No")]
    return [(value, value.capitalize()) for value in property_.options]


def _option(value: str, label: str, place: int) -> dict[str, Any]:
    return {"label": label, "value": value, "displayOrder": place, "hidden": False}
