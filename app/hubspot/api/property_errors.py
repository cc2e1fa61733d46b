"""Refused properties, read from any place in an error body. Sans-I/O.

Places seen or documented: `errors[].context.propertyName`, `errors[].in` (the schema's "field or parameter"), JSON
inside the text of the message, and a plain sentence, which names the property in quotes or not at all.
"""

from __future__ import annotations

import json
import re
from typing import Any

from app.hubspot.api.replies import items, mapping, names, scrubbed, text, word

PROPERTY_INVALID = "PROPERTY_DATA_IS_INVALID"
OF_A_PROPERTY = "PROPERTY_"  # how HubSpot's codes for single properties begin

MISSING = "PROPERTY_DOESNT_EXIST"
READ_ONLY = "READ_ONLY_VALUE"
NO_OPTION = "INVALID_OPTION"
ADDRESS_INVALID = "CONTACT_INVALID_EMAIL_ADDRESS"

# Each problem in our words. The first two are HubSpot's own examples (error-handling page), the others are codes that
# its answers are known to use. A code that is missing here is shown as it is.
PROBLEMS = {
    MISSING: "HubSpot has no such property",
    PROPERTY_INVALID: "the value is not valid",
    "INVALID_INTEGER": "the value is no whole number",
    "INVALID_LONG": "the value is no whole number",
    "INVALID_DATE": "the value is no date",
    "INVALID_EMAIL": "the value is no e-mail address",
    NO_OPTION: "the value is none of its options",
    "LEADING_TRAILING_WHITESPACE": "the value begins or ends with a blank",
    READ_ONLY: "the property is read-only",
}
# Problems with a row of their own in the fault table, because each has another remedy.
OF_THEIR_OWN = frozenset({MISSING, READ_ONLY, NO_OPTION})
# Codes that HubSpot uses for values of properties alone, so that an error is about one even where it names none.
OF_VALUES = OF_THEIR_OWN | {"INVALID_LONG", "INVALID_DATE", "LEADING_TRAILING_WHITESPACE"}

CODE = re.compile(r"[A-Z][A-Z0-9_]+")
_QUOTED = re.compile(r"\"(\w+)\" (?:does not exist|is a read only property)")
_PROPERTY_LIST = re.compile(r"Property values were not valid:\s*(\[.*\])", re.DOTALL)


def describe_properties(body: dict[str, Any]) -> str:
    """Return each property with its problem; HubSpot's own sentence where it names no property."""
    named = "; ".join(f"property {name}: {worded(problem)}" for name, problem in property_problems(body))
    return scrubbed(named or text(body.get("message")) or _first_message(body))


def property_problems(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (property, problem) as given in `errors[]`, or inside the message."""
    found = [
        (name, _problem(error))
        for error in items(body.get("errors"))
        for name in _properties(error, body.get("category"))
    ]
    return found or _problems_in_message(body.get("message"))


def _properties(error: dict[str, Any], category: Any) -> list[str]:
    """Return the properties of one error. `in` and a message name one only where a code says that it is about one."""
    if in_context := names(mapping(error.get("context")).get("propertyName")):
        return in_context
    if category != PROPERTY_INVALID and not _is_of_a_property(error):
        return []
    named = text(error.get("in"))
    return [named] if named else _QUOTED.findall(text(error.get("message")) or "")


def is_of_properties(body: dict[str, Any]) -> bool:
    """Return whether an error that only calls the request invalid is about properties of a contact."""
    return bool(property_problems(body)) or any(_is_of_a_property(error) for error in items(body.get("errors")))


def property_code(body: dict[str, Any]) -> str:
    """Return the code of a refusal that is about properties: the first problem's, where the fault table has its row."""
    problems = property_problems(body) or [("", word(error.get("code")) or "") for error in items(body.get("errors"))]
    if ("email", "INVALID_EMAIL") in problems:
        return ADDRESS_INVALID
    return next((problem for _, problem in problems if problem in OF_THEIR_OWN), PROPERTY_INVALID)


def _is_of_a_property(error: dict[str, Any]) -> bool:
    code = word(error.get("code")) or ""
    return code in OF_VALUES or code.startswith(OF_A_PROPERTY)


def _problem(error: dict[str, Any]) -> str:
    """Return an error's code, or its message where the code only says that a value is wrong."""
    code, message = word(error.get("code")), scrubbed(error.get("message"))
    return message if message and code in {None, PROPERTY_INVALID} else code or ""


def _problems_in_message(message: Any) -> list[tuple[str, str]]:
    """Read the JSON inside "Property values were not valid: [...]" (HubSpot's error-handling page)."""
    found = _PROPERTY_LIST.search(message) if isinstance(message, str) else None
    try:
        listed = json.loads(found.group(1)) if found else []
    except (ValueError, RecursionError):
        listed = []
    named = ((text(entry.get("name")), entry) for entry in items(listed))
    return [(name, word(entry.get("error")) or scrubbed(entry.get("message"))) for name, entry in named if name]


def _first_message(body: dict[str, Any]) -> str | None:
    return next((found for error in items(body.get("errors")) if (found := text(error.get("message")))), None)


def worded(problem: str) -> str:
    """Return a problem in our words, or HubSpot's own message where it gives no code."""
    if problem in PROBLEMS:
        return f"{PROBLEMS[problem]} ({problem})"
    if not problem:
        return "HubSpot does not take the value"
    return f"HubSpot does not take the value ({problem})" if CODE.fullmatch(problem) else problem
