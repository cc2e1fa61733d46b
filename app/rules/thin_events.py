"""Rules that can never enroll: their events name a person by an id only, and the source may not ask its tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import Mistake
from app.sources.options import token_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.rules.rulebook import Rule, Rulebook
    from app.sources.base import Provider


def without_token(rulebook: Rulebook, providers: Mapping[str, Provider]) -> list[Mistake]:
    """Return a note for each rule of a source without `api_token` that enrolls by events without an address."""
    return list(_notes(rulebook, providers))


def _notes(rulebook: Rulebook, providers: Mapping[str, Provider]) -> Iterator[Mistake]:
    for rule in rulebook.rules:
        config = rulebook.sources[rule.source]
        provider = providers[config.provider]
        kind = _thin_type(rule, provider)
        if kind is not None and rule.enroll is not None and token_of(config) is None and "email" not in config.fields:
            message = f"rule {rule.id!r}: a {kind!r} names its {provider.lookup_subject} by an id only and has no"
            message = f"{message} address; give source {config.name!r} an `api_token`"
            yield Mistake(rule.file, rule.line, 1, message, "note")


def _thin_type(rule: Rule, provider: Provider) -> str | None:
    pattern = provider.thin_types
    return next((kind for kind in rule.types if pattern is not None and pattern.fullmatch(kind)), None)
