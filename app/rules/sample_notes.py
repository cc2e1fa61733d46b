"""Notes on fields that no sample of a rule's provider has: a slip in a name, or a payload that looks otherwise.

A note is no mistake: samples show no more than what Segue comes with. A field that an example of the rule has is known
to its author, and is not noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import Mistake
from app.rules.conditions import fields_of
from app.rules.explain import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from app.model import Event
    from app.rules.conditions import Field
    from app.rules.rulebook import Rule, Rulebook

# The tool wraps each of its events alike: no account has other keys at the top of its payload.
ENVELOPES = frozenset({
    "calcom", "calendly", "chargebee", "customerio", "formspree", "intercom", "livestorm", "mixpanel", "paddle",
    "pipedrive", "stripe", "zoom",
})  # fmt: skip
# The names of a form's questions, which its owner chooses, are keys at the top of its payload.
FORMS = frozenset({"gravity-forms", "jotform", "tally", "typeform", "webflow"})


@dataclass(frozen=True, slots=True)
class Known:
    """What a provider's samples have: the keys of `event.data`, and whether they have answers."""

    data: frozenset[str]
    answers: bool

    @classmethod
    def of(cls, events: Iterable[Event]) -> Known:
        """Return what these events have."""
        found = list(events)
        return cls(frozenset(key for event in found for key in event.data), any(event.answers for event in found))


def sample_notes(rulebook: Rulebook, known_of: Callable[[str], Known]) -> list[Mistake]:
    """Return a note for each field of a rule that no sample has. `known_of` takes the name of a provider."""
    return [
        Mistake(rule.file, rule.line, 1, f"rule {rule.id!r}: {note}", "note")
        for rule in rulebook.rules
        if (source := rulebook.sources[rule.source]).provider in ENVELOPES | FORMS
        # What a lookup adds to the payload is in no sample.
        and getattr(source.options, "api_token", None) is None
        for note in _notes(rule, source.provider, known_of(source.provider))
    ]


def _notes(rule: Rule, provider: str, known: Known) -> Iterator[str]:
    for field in dict.fromkeys(_fields(rule)):
        kind, name = field.steps[0], field.steps[1] if len(field.steps) > 1 else None
        if kind == "answers" and known.data and not known.answers:
            yield f"{provider} sends no form, so that {field.text} is never there"
        elif kind == "data" and isinstance(name, str) and known.data and not _has(name, rule, known):
            there = nearest(name, sorted(known.data))
            yield f"no sample of {provider} has event.data.{name}; they have: {there}{_hint(provider)}"


def _has(name: str, rule: Rule, known: Known) -> bool:
    # A name with a variable in it is not known before the variable is put in.
    return name in known.data or "${" in name or any(name in example.event.data for example in rule.examples)


def _hint(provider: str) -> str:
    if provider not in FORMS:
        return ""
    return '. It is there where a question or a hidden field of the form has this name; see event.answers["..."], too'


def _fields(rule: Rule) -> Iterator[Field]:
    written = rule.enroll.properties.values() if rule.enroll else ()
    for expression in filter(None, (rule.when, *written)):
        yield from fields_of(expression.text)
