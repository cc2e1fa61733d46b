"""An OpenAPI document as one HTML page, which loads nothing and runs no script. Pure."""

from __future__ import annotations

import json
import re
from html import escape
from itertools import groupby
from shlex import quote
from typing import TYPE_CHECKING, Any

from app.web.access.routes import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h4 { margin: 1rem 0 .25rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .3rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: color-mix(in srgb, currentColor 7%, transparent); border-radius: .4rem; padding: .6rem; }
pre { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .8rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
.method { display: inline-block; font-weight: 600; min-width: 4.5rem; text-transform: uppercase; }
"""
SHAPES = "#/components/schemas/"
WORDS = {"string": "text", "integer": "whole number", "array": "list", "date-time": "time, ISO 8601", "uri": "URL"}
Operation = tuple[str, str, dict[str, Any]]


def page(document: dict[str, Any], base: str) -> str:
    """Return the page. `base` is the URL of the service, for commands that can be copied."""
    info, shapes = document["info"], document["components"]["schemas"]
    title = escape(f"{info['title']} {info['version']}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "".join([_introduction(info), *_groups(document["paths"], shapes, base), *_shapes(shapes)])
    return f'<!doctype html><html lang="en">{head}<style>{STYLE}</style><h1>{title}</h1>{body}</html>'


def _introduction(info: dict[str, Any]) -> str:
    access = (
        "What begins with `/api/` or `/-/` needs a token: `Authorization: Bearer $TOKEN`. Each route says of "
        "which role."
    )
    programs = '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    return _prose(info["description"]) + _prose(access) + programs


def _groups(paths: dict[str, Any], shapes: dict[str, Any], base: str) -> Iterator[str]:
    """Return the operations under the resources in their paths."""
    operations = [(method, path, it) for path, item in paths.items() for method, it in item.items()]
    for name, group in groupby(sorted(operations, key=_resource), key=_resource):
        yield f"<h2>{escape(name)}</h2>" + "".join(_operation(each, shapes, base) for each in group)


def _resource(operation: Operation) -> str:
    return re.sub(r"^/(api/v1/|-/)?", "", operation[1]).partition("/")[0]


def _operation(operation: Operation, shapes: dict[str, Any], base: str) -> str:
    method, path, it = operation
    parts = [
        _prose(it.get("description", "")),
        _prose(f"Needs a token of the role `{it[KEY]}`." if KEY in it else ""),
        f"<pre>{escape(_command(operation, shapes, base))}</pre>",
        _table("Parameters", map(_parameter, it.get("parameters", []))),
        _table("Body", ((_kind(content.get("schema", {})),) for content in _contents(it.get("requestBody", {})))),
        _table("Answers", (_answer(status, answer) for status, answer in sorted(it["responses"].items()))),
    ]
    name = f'<span class="method">{escape(method)}</span> {_code(path)} {escape(it.get("summary", ""))}'
    return f"<details><summary>{name}</summary>{''.join(parts)}</details>"


def _command(operation: Operation, shapes: dict[str, Any], base: str) -> str:
    """Return the request as a command for a shell, with the example of its body."""
    method, path, it = operation
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    if "security" in it:
        words.append('-H "Authorization: Bearer $TOKEN"')
    for content in _contents(it.get("requestBody", {})):
        shape = shapes.get(content.get("schema", {}).get("$ref", "").removeprefix(SHAPES), {})
        words += ["-H 'Content-Type: application/json' -d", quote(json.dumps(shape.get("example", {})))]
    return " ".join([*words, quote(base + path)])


def _contents(described: dict[str, Any]) -> list[dict[str, Any]]:
    return list(described.get("content", {}).values())


def _parameter(it: dict[str, Any]) -> tuple[str, ...]:
    where = it["in"] if it.get("required") else f"{it['in']}, optional"
    return _code(it["name"]), escape(where), _kind(it["schema"]), _remark(it, it["schema"])


def _remark(described: dict[str, Any], schema: dict[str, Any]) -> str:
    default = f"default `{schema['default']}`" if schema.get("default") is not None else ""
    return _inline("; ".join(part for part in (described.get("description", ""), default) if part))


def _answer(status: str, answer: dict[str, Any]) -> tuple[str, ...]:
    description = answer["description"].replace("Successful Response", "Done")
    kinds = (_kind(it["schema"]) if it.get("schema") else _example(it) for it in _contents(answer))
    return escape(status), _inline(description), ", ".join(kinds)


def _shapes(shapes: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Shapes</h2>"
    for name, it in sorted(shapes.items()):
        values = f"<p>{_kind(it)}</p>" if "enum" in it else ""
        inside = _prose(it.get("description", "")) + values + _table("Fields", _fields(it)) + _example(it)
        # A browser opens what encloses the target of a link, and so the target is inside.
        yield f'<details><summary>{escape(name)}</summary><div id="{escape(name)}">{inside}</div></details>'


def _fields(shape: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, it in shape.get("properties", {}).items():
        yield _code(name), "" if name in shape.get("required", []) else "optional", _kind(it), _remark(it, it)


def _example(it: dict[str, Any]) -> str:
    written = json.dumps(it["example"], indent=2, ensure_ascii=False) if "example" in it else ""
    return f"<pre>{escape(written)}</pre>" if written else ""


def _kind(schema: dict[str, Any]) -> str:
    """Return what a value is, in words, with a link to its shape where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(SHAPES))
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(_code(str(value)) for value in schema["enum"])
    if schema.get("items"):
        return f"list of {_kind(schema['items'])}"
    kind = schema.get("format") or schema.get("type") or "anything"
    return escape(WORDS.get(kind, kind))


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return f"<h4>{title}</h4><table><tr>{'<tr>'.join(lines)}</table>" if lines else ""


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _inline(text: str) -> str:
    """Return text as HTML; what stands between backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
