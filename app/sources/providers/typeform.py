"""Typeform: form responses.

Source: typeform.com/developers/webhooks (signature, example payload). A form has no fixed person fields: the address is
the first answer of type `email` (else the hidden field `email`), names and company by the question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import answers_in, by_question, choice_ids
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, list_at, required, text
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator


class Typeform(SignedProvider):
    """`event_id` identifies the event; it stays the same on retries."""

    name = "typeform"
    scheme = Scheme(header="typeform-signature", prefix="sha256=", encoding="base64")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's ref and each hidden field by its name, so that
        a rule can say `event.data.employees`; the ids of chosen options are in `choice_ids`. The payload's keys win.
        """
        rows = list(_answers(body))
        found = find(body, "form_response", "hidden")
        hidden: dict[str, Any] = found if isinstance(found, dict) else {}
        asked = by_question((title, ref, _value(answer)) for ref, title, answer in rows)
        hinted = answers_in(hidden)
        return Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "form_response", "submitted_at"),
            data=hidden | {ref: _value(answer) for ref, _, answer in rows if ref} | _ids(rows) | body,
            answers=hinted | asked,
            **first_of(
                *[person_at(answer, "email") for _, _, answer in rows],
                person_by_label(asked.items()),
                person_by_label(hinted.items()),
            ),
        )


def _answers(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (ref, title, answer); an answer may lack its ref, which then comes from the form's definition."""
    defined = {text(field, "id"): field for field in _defined(list_at(body, "form_response", "definition", "fields"))}
    for answer in list_at(body, "form_response", "answers"):
        field = defined.get(text(answer, "field", "id"), {})
        yield text(answer, "field", "ref") or text(field, "ref") or "", text(field, "title") or "", answer


def _defined(fields: list[Any]) -> Iterator[Any]:
    """Yield the form's questions, those of groups included."""
    for field in fields:
        yield field
        yield from list_at(field, "properties", "fields")


def _value(answer: dict[str, Any]) -> Any:
    """Return an answer's value; of chosen options the labels. What was typed beside the options is in `other`."""
    kind = text(answer, "type") or ""
    chosen = find(answer, kind)
    if kind == "choice":
        return first_text(text(chosen, "other"), text(chosen, "label"))
    if kind == "choices":
        other = text(chosen, "other")
        return list_at(chosen, "labels") + ([other] if other else [])
    return chosen


def _ids(rows: list[tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the ids of chosen options by the question's ref, or by its title where it has none."""
    return choice_ids(
        (ref or title, find(answer, "choice", "id") or find(answer, "choices", "ids")) for ref, title, answer in rows
    )


PROVIDER = Typeform()
