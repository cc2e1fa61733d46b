"""Tally: form responses.

Source: tally.so/help/webhooks (signature, payload). A form has no fixed person fields: the address is the first answer
of type `INPUT_EMAIL`, else of a question that asks for it; names and company are found by the question's wording. An
answer to a choice is the id of an option, or a list of ids; the texts are in the field's `options`.
"""

from __future__ import annotations

from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import by_question, choice_ids, one_or_all
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, list_at, required, text
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme

CHOICES = frozenset({"MULTIPLE_CHOICE", "DROPDOWN", "CHECKBOXES", "MULTI_SELECT", "RANKING", "MATRIX"})
SEVERAL = frozenset({"CHECKBOXES", "MULTI_SELECT", "RANKING"})


class Tally(SignedProvider):
    """`eventId` identifies the event; it stays the same on retries."""

    name = "tally"
    scheme = Scheme(header="tally-signature", encoding="base64")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's label, so that a rule can say
        `event.data["How many employees?"]`; the ids of chosen options are in `choice_ids`. The payload's keys win.
        """
        fields = list_at(body, "data", "fields")
        answers = by_question((text(field, "label"), text(field, "key"), _value(field)) for field in fields)
        addresses = [field for field in fields if text(field, "type") == "INPUT_EMAIL"]
        return Event(
            source=config.name,
            type=required(body, "eventType"),
            dedupe=(required(body, "eventId"),),
            id=required(body, "eventId"),
            occurred_at=instant(body, "createdAt"),
            data={label: _value(field) for field in fields if (label := text(field, "label"))} | _ids(fields) | body,
            answers=answers,
            **first_of(*[person_at(field, email="value") for field in addresses], person_by_label(answers.items())),
        )


def _value(field: Any) -> Any:
    """Return a field's value, with the texts of its options in place of their ids. An id without a text is left out."""
    value, kind = find(field, "value"), text(field, "type")
    if kind not in CHOICES or not isinstance(value, str | list | dict):
        return value
    texts = _texts(field)
    if isinstance(value, dict):  # a matrix: row -> columns
        return {texts.get(row, row): _chosen(columns, texts) for row, columns in value.items()}
    return one_or_all(_chosen(value, texts), several=kind in SEVERAL)


def _texts(field: Any) -> dict[str, str]:
    rows = [row for key in ("options", "rows", "columns") for row in list_at(field, key)]
    return {ref: label for row in rows if (ref := text(row, "id")) and (label := text(row, "text"))}


def _chosen(value: Any, texts: dict[str, str]) -> list[str]:
    ids = value if isinstance(value, list) else [value]
    return [texts[ref] for ref in ids if isinstance(ref, str) and ref in texts]


def _ids(fields: list[Any]) -> dict[str, Any]:
    chosen = [field for field in fields if text(field, "type") in CHOICES and find(field, "value") is not True]
    return choice_ids((text(field, "label"), find(field, "value")) for field in chosen)


PROVIDER = Tally()
