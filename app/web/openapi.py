"""What FastAPI leaves out of the OpenAPI document: the nulls of examples, and the route of deliveries."""

from __future__ import annotations

from inspect import isclass
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_fields_from_routes
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.web.access.routes import KEY, default_role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.json_schema import JsonSchemaMode
    from starlette.routing import BaseRoute


def describe_examples(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Put the whole examples of the requests and answers of `routes` into an OpenAPI document, nulls included.

    FastAPI leaves every null out, and an example without its nulls would not fit its own schema.
    """
    _, written = models_json_schema(list(_models(routes)))
    for name, schema in written.get("$defs", {}).items():
        published = document["components"]["schemas"].get(name, {})
        if "example" in published:
            published["example"] = schema["example"]


def describe_roles(document: dict[str, Any]) -> None:
    """Name the role that each route of operators needs, those that follow from the method included."""
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if "security" in operation:
                operation.setdefault(KEY, default_role(method).value)


def _models(routes: Sequence[BaseRoute]) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    for field in get_fields_from_routes(routes):
        model = field.field_info.annotation
        if isclass(model) and issubclass(model, BaseModel):
            yield model, field.mode


def describe_webhooks(document: dict[str, Any]) -> None:
    """Put the route of deliveries, which FastAPI does not know, into an OpenAPI document."""
    id_ = "dlv_019ab2c3d4e5f60718293a4b5c6d7e81"
    answers = {
        "200": "Kept (or seen before, or no rule listens): do not send it again",
        "400": "The body cannot be read as what this provider sends",
        "401": "The signature is missing, wrong or stale",
        "404": "No such source",
        "405": "Not by this method",
        "413": "The body exceeds SEGUE_MAX_BODY_BYTES",
        "415": "Its content encoding or its type is not read",
        "503": "It could not be kept now: send it again after Retry-After seconds",
    }
    document.setdefault("paths", {})["/webhooks/{source}"] = {
        "post": {
            "tags": ["webhooks"],
            "summary": "Receive one delivery from a source",
            "operationId": "receive_delivery",
            "parameters": [{"name": "source", "in": "path", "required": True, "schema": {"type": "string"}}],
            "requestBody": {"content": {"*/*": {"schema": {}}}},
            "responses": {
                status: {
                    "description": description,
                    "content": {"application/json": {"example": {"received": status == "200", "id": id_}}},
                }
                for status, description in answers.items()
            },
        }
    }
