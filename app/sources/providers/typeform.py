"""Typeform: form responses.

Source: typeform.com/developers/webhooks (signature, example payload). A form has no fixed person fields: the address is
the first answer of type `email` (else the hidden field `email`), names and company by the question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider
from app.sources.fields import find, first_text, instant, parse_object, required, text
from app.sources.form_labels import by_meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.model import Delivery, SourceConfig

# Where each type of answer has its value, unless that is a key named like the type.
INSIDE = {"choice": ("choice", "label"), "choices": ("choices", "labels")}


class Typeform(SignedProvider):
    """`event_id` identifies the event; it stays the same on retries."""

    name = "typeform"
    scheme = Scheme(header="typeform-signature", prefix="sha256=", encoding="base64")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's ref and each hidden field by its name, so that
        a rule can say `event.data.employees`; the payload's own keys win.
        """
        body = parse_object(delivery.body)
        answers = list(_answers(body))
        hidden = find(body, "form_response", "hidden")
        person = by_meaning([(label, value) for ref, title, value in _texts(answers) for label in (ref, title)])
        hinted = by_meaning(_pairs(hidden))
        return [
            Event(
                source=config.name,
                type=required(body, "event_type"),
                dedupe=(required(body, "event_id"),),
                id=required(body, "event_id"),
                occurred_at=instant(body, "form_response", "submitted_at"),
                email=first_text(
                    *[text(answer, "email") for _, _, answer in answers], person.get("email"), hinted.get("email")
                ),
                first_name=first_text(person.get("first_name"), hinted.get("first_name")),
                last_name=first_text(person.get("last_name"), hinted.get("last_name")),
                name=first_text(person.get("name"), hinted.get("name")),
                company=first_text(person.get("company"), hinted.get("company")),
                data=_hidden(hidden) | {ref: _value(answer) for ref, _, answer in answers if ref} | body,
                answers=dict(_pairs(hidden)) | _labelled(answers),
            ),
        ]


def _answers(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (ref, title, answer); an answer may lack its ref, which then comes from the form's definition."""
    defined = {text(field, "id"): field for field in _list(body, "form_response", "definition", "fields")}
    for answer in _list(body, "form_response", "answers"):
        field = defined.get(text(answer, "field", "id"), {})
        yield text(answer, "field", "ref") or text(field, "ref") or "", text(field, "title") or "", answer


def _list(value: Any, *path: str) -> list[dict[str, Any]]:
    found = find(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _texts(answers: list[tuple[str, str, dict[str, Any]]]) -> Iterator[tuple[str, str, str]]:
    for ref, title, answer in answers:
        if value := text(answer, "text"):
            yield ref, title, value


def _value(answer: dict[str, Any]) -> Any:
    kind = text(answer, "type") or ""
    return find(answer, *INSIDE.get(kind, (kind,)))


def _labelled(answers: list[tuple[str, str, dict[str, Any]]]) -> dict[str, str]:
    """Return each answer that is a text by its question's title and by its ref."""
    texts = [(ref, title, _value(answer)) for ref, title, answer in answers]
    return {label: value for ref, title, value in texts for label in (title, ref) if label and isinstance(value, str)}


def _hidden(hidden: Any) -> dict[str, Any]:
    return dict(hidden) if isinstance(hidden, dict) else {}


def _pairs(hidden: Any) -> list[tuple[str, str]]:
    return [(key, value) for key, value in _hidden(hidden).items() if isinstance(value, str)]


PROVIDER = Typeform()
