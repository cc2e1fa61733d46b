"""EXPLAIN: why a condition did not hold, by the values that it looked at. Pure, total, and bounded in length.

What is returned may hold personal data: it is stored with the decision, goes with the payload, and is never logged.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app.rules.answers import answer_to
from app.rules.conditions import fields_of, parsed
from app.rules.expressions import ExpressionError, Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from app.rules.conditions import Condition, Field
    from app.rules.expressions import Expression
    from app.rules.facts import Facts

LONGEST_DETAIL = 1_000
LONGEST_VALUE = 80
LONGEST_PART = 160
MOST_PARTS = 5
MOST_FIELDS = 8
MOST_NAMES = 6
MOST_COMPARED = 500


class Seen(NamedTuple):
    """What a field holds, in a sentence; `missing` says that the event does not have it."""

    text: str
    missing: bool = False


def why_not(condition: Expression, values: Facts) -> str:
    """Return which parts of the condition did not hold, and the values that they looked at."""
    return shortened("; ".join(_reasons(condition, values)), LONGEST_DETAIL)


def _reasons(condition: Expression, values: Facts) -> Iterable[str]:
    # The value of a variable may be a secret: where one is put in, the condition is not taken apart.
    if condition.text != condition.code:
        plain = [field for field in fields_of(condition.text) if "${" not in field.text]
        return [seen.text for seen in _looked_at(plain, values)]
    try:
        whole = parsed(condition.code, values.lists)
    except ExpressionError:  # never of a condition that is in force
        return []
    if not whole.operands:
        return [seen.text for seen in _looked_at(whole.fields, values)]
    return [_reason(part, value, values) for part, value in _not_true(whole, values)][:MOST_PARTS]


def _not_true(condition: Condition, values: Facts) -> Iterator[tuple[Condition, Any]]:
    """Yield the smallest parts that are not true, with their values."""
    for part in condition.operands:
        value = part.expression.evaluate(values)
        if value is True:
            continue
        if part.operands:
            yield from _not_true(part, values)
        else:
            yield part, value


def _reason(part: Condition, value: Any, values: Facts) -> str:
    seen = _looked_at(part.fields, values)
    texts = [one.text for one in seen]
    if isinstance(value, Failed) and not any(one.missing for one in seen):
        texts.insert(0, value.because)
    result = "is false" if value is False else "has no value" if isinstance(value, Failed) else "is no true or false"
    shown = f"{shortened(part.expression.text, LONGEST_PART)} {result}"
    return f"{shown}: {', '.join(texts)}" if texts else shown


def _looked_at(fields: Sequence[Field], values: Facts) -> list[Seen]:
    for field in fields[:MOST_FIELDS]:
        if field not in values.seen:
            values.seen[field] = _seen(field, values)
    return list(dict.fromkeys(values.seen[field] for field in fields[:MOST_FIELDS]))


def _seen(field: Field, values: Facts) -> Seen:
    """Return what the event holds at a field, or the first step that leads nowhere, with what is there instead."""
    value: Any = values.value(str(field.steps[0]))
    if field.any_case and (answer := answer_to(values.event, str(field.steps[-1]))) is not None:
        return Seen(f"{field.text} is {shown(answer)}")
    path = f"event.{field.steps[0]}"
    for step in field.steps[1:]:
        if not holds(value, step):
            return Seen(_missing(path, step, value), missing=True)
        value = value[step]
        path += f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{json.dumps(step)}]"
    return Seen(f"{field.text} is {shown(value)}")


def holds(value: Any, step: str | int) -> bool:
    """Tell whether a value has this key, or an item of this number."""
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _missing(path: str, step: str | int, value: Any) -> str:
    """Return what is there instead of the step."""
    if not isinstance(value, Mapping):
        return f"{path} is {shown(value)}, which has no `{step}`"
    there = f"it has: {nearest(str(step), value)}" if value else "it is empty"
    return f"{path} has no `{step}`; {there}"


def nearest(wanted: str, there: Iterable[Any]) -> str:
    """Return some of the names that are there, those that are spelled like `wanted` first, and how many more."""
    names = [str(name) for name in there]
    folded = {name.casefold(): name for name in names[:MOST_COMPARED]}
    alike = [folded[name] for name in difflib.get_close_matches(wanted.casefold(), folded, MOST_NAMES)]
    chosen = list(dict.fromkeys([*alike, *names]))[:MOST_NAMES]
    more = len(names) - len(chosen)
    return ", ".join(shortened(name, LONGEST_VALUE) for name in chosen) + (f" ({more} more)" if more else "")


def shown(value: Any) -> str:
    """Return a value in at most a hundred characters."""
    if isinstance(value, Mapping):
        return f"an object of {len(value)} fields"
    if isinstance(value, list):
        items = ", ".join(shown(item) for item in value[:MOST_PARTS])
        return shortened(f"[{items}{', ...' if len(value) > MOST_PARTS else ''}]", LONGEST_VALUE)
    if isinstance(value, str):
        return json.dumps(shortened(value, LONGEST_VALUE), ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and value.bit_length() > LONGEST_VALUE * 3:
        return f"a number of {value.bit_length()} bits"
    return shortened(str(value), LONGEST_VALUE)


def shortened(text: str, length: int) -> str:
    """Return a text on one line, cut to `length` characters."""
    line = " ".join(text[: length * 10].split())
    return line if len(line) <= length else line[: length - 1] + "…"
