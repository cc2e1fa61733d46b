"""Typeform: form responses.

Source: typeform.com/developers/webhooks (signature, example payload). A form has no fixed person fields: the address is
the first answer of type `email` (else the hidden field `email`), names and company by the question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import find, instant, list_at, required, text
from app.sources.person_fields import first_of, person_at, person_by_label
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where each type of answer has its value, unless that is a key named like the type.
INSIDE = {"choice": ("choice", "label"), "choices": ("choices", "labels")}


class Typeform(SignedProvider):
    """`event_id` identifies the event; it stays the same on retries."""

    name = "typeform"
    scheme = Scheme(header="typeform-signature", prefix="sha256=", encoding="base64")

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event.

        Beside the payload, `data` holds each answer by its question's ref and each hidden field by its name, so that
        a rule can say `event.data.employees`; the payload's own keys win.
        """
        answers = list(_answers(body))
        found = find(body, "form_response", "hidden")
        hidden: dict[str, Any] = found if isinstance(found, dict) else {}
        hinted = {key: value for key, value in hidden.items() if isinstance(value, str)}
        texts = [(label, text(answer, "text") or "") for ref, title, answer in answers for label in (ref, title)]
        return Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "form_response", "submitted_at"),
            data=hidden | {ref: _value(answer) for ref, _, answer in answers if ref} | body,
            answers=hinted | _labelled(answers),
            **first_of(
                *[person_at(answer, "email") for _, _, answer in answers],
                person_by_label(texts),
                person_by_label(hinted.items()),
            ),
        )


def _answers(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (ref, title, answer); an answer may lack its ref, which then comes from the form's definition."""
    defined = {text(field, "id"): field for field in list_at(body, "form_response", "definition", "fields")}
    for answer in list_at(body, "form_response", "answers"):
        field = defined.get(text(answer, "field", "id"), {})
        yield text(answer, "field", "ref") or text(field, "ref") or "", text(field, "title") or "", answer


def _value(answer: dict[str, Any]) -> Any:
    kind = text(answer, "type") or ""
    return find(answer, *INSIDE.get(kind, (kind,)))


def _labelled(answers: list[tuple[str, str, dict[str, Any]]]) -> dict[str, str]:
    """Return each answer that is a text by its question's title and by its ref."""
    texts = [(ref, title, _value(answer)) for ref, title, answer in answers]
    return {label: value for ref, title, value in texts for label in (title, ref) if label and isinstance(value, str)}


PROVIDER = Typeform()
