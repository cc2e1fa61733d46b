"""The OpenAPI document shows an example of everything that is asked and answered, and each is what really goes by."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Running

SHAPES = "#/components/schemas/"
METHODS = {"get", "post", "put", "patch", "delete"}


def models(below: type[BaseModel] = BaseModel) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models of `app.web`, by the names under which they are published."""
    for model in below.__subclasses__():
        if model.__module__.startswith("app.web."):
            yield model.__name__, model
        yield from models(model)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((f"{method} {path}", item[method]) for method in METHODS & set(item))


def asked_for(document: dict[str, Any]) -> set[str]:
    """The names of what requests bring: of these an example need not name everything."""
    bodies = (operation.get("requestBody", {}).get("content", {}) for _, operation in operations(document))
    schemas = (content.get("schema", {}) for body in bodies for content in body.values())
    return {schema["$ref"].removeprefix(SHAPES) for schema in schemas if "$ref" in schema}


def fault(schema: dict[str, Any], model: type[BaseModel] | None, *, asked: bool) -> str | None:
    """Why the example of a shape is none, None where it goes in and comes out again as it is written."""
    if "example" not in schema:
        return "has no example"
    example = schema["example"]
    if model is None:  # it is written by hand
        fits = jsonschema_rs.validator_for(schema).is_valid(example) and set(example) == set(schema["properties"])
        return None if fits else "is not what its schema says"
    try:
        read = model.model_validate_json(json.dumps(example))
    except ValidationError as error:
        return str(error)
    written = read.model_dump(mode="json", exclude_unset=asked)
    return None if written == example else f"is answered as {written}"


async def test_every_shape_has_an_example_that_its_own_model_reads_and_writes(web: Running) -> None:
    document, ours = web.public.openapi(), dict(models())
    asked = asked_for(document)
    shapes = {name: s for name, s in document["components"]["schemas"].items() if s.get("type") == "object"}
    faults = {name: fault(schema, ours.get(name), asked=name in asked) for name, schema in shapes.items()}
    assert {"EnrollmentDetail", "Problem", *asked} <= set(shapes)
    assert set(shapes) - set(ours) == {"Problem"}
    assert {name: found for name, found in faults.items() if found} == {}


async def test_every_json_answer_is_one_of_the_shapes_or_brings_its_example(web: Running) -> None:
    bare = [
        f"{name} {status}"
        for name, operation in operations(web.public.openapi())
        for status, answer in operation["responses"].items()
        for kind, content in answer.get("content", {}).items()
        if "json" in kind and "$ref" not in content.get("schema", {}) and not content.get("example")
    ]
    assert bare == []


async def test_the_ids_of_the_examples_look_like_ids(web: Running) -> None:
    written = json.dumps(web.public.openapi())
    ids = set(re.findall(r'"((?:dlv|evt|dec|enr|out)_[^"]*)"', written))
    assert {each[:3] for each in ids} == {"dlv", "evt", "dec", "enr", "out"}
    assert [each for each in ids if not re.fullmatch("[a-z]{3}_[0-9a-f]{32}", each)] == []
