"""The examples of the OpenAPI document, with their nulls.

FastAPI leaves every null out of its document. An example without its nulls would not fit its own schema, so this module
takes the examples from the models again.
"""

from __future__ import annotations

from inspect import isclass
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_fields_from_routes
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.json_schema import JsonSchemaMode
    from starlette.routing import BaseRoute


def describe_examples(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Put the whole examples of the requests and answers of `routes` into an OpenAPI document, nulls included."""
    _, written = models_json_schema(list(_models(routes)))
    for name, schema in written.get("$defs", {}).items():
        published = document["components"]["schemas"].get(name, {})
        if "example" in published:
            published["example"] = schema["example"]


def _models(routes: Sequence[BaseRoute]) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    for field in get_fields_from_routes(routes):
        model = field.field_info.annotation
        if isclass(model) and issubclass(model, BaseModel):
            yield model, field.mode
