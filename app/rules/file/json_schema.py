"""The JSON Schema of the rules file, for editors: that of the models, with the keys of each provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.rules.file.schema import RulesFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.base import Provider


def json_schema(providers: Mapping[str, Provider]) -> dict[str, Any]:
    """Return the schema; a source's other keys are those of the provider it names."""
    schema = RulesFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Segue rules"
    source = schema["$defs"]["SourceEntry"]
    source["properties"]["provider"]["enum"] = sorted(providers)
    source["allOf"] = [_branch(name, providers[name], schema["$defs"]) for name in sorted(providers)]
    source.pop("additionalProperties", None)
    source["unevaluatedProperties"] = False
    return schema


def _branch(name: str, provider: Provider, definitions: dict[str, Any]) -> dict[str, Any]:
    options = provider.Options.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}")
    for model, definition in options.pop("$defs", {}).items():
        definitions[f"{name}.{model}"] = definition
    then = {"properties": options.get("properties", {})} | (
        {"required": options["required"]} if "required" in options else {}
    )
    return {"if": {"properties": {"provider": {"const": name}}}, "then": then}
