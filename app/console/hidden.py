"""No secret of the rules stands on a page: what was written or sent elsewhere is shown without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.rules.wiring import SHORTEST, variable_values
from app.rules.without_values import without_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.console.context import Console
    from app.rules.rulebook import Rulebook

WRITTEN = "***"  # for a secret that stands in the file itself; that of a variable is shown as its name


def hiding(console: Console) -> Callable[[Any], Any]:
    """Return what takes the secrets of the rules in force out of a text, or of the texts of a JSON value."""
    book = console.process.rulebook.current
    if book is None:
        return lambda shown: shown
    return hiding_of(book, variable_values(book, console.process.variable))


def hiding_of(book: Rulebook, variables: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return what takes the values of `variables`, by `${NAME}`, and the secrets of the rules out of a JSON value."""
    written = sorted(_secrets(book) - set(variables.values()), key=len, reverse=True)

    def hide(shown: Any) -> Any:
        for value in written:
            shown = without_values(shown, {WRITTEN: value})
        return without_values(shown, variables)

    return hide


def _secrets(book: Rulebook) -> set[str]:
    """Return the secrets of sources and endpoints, and the accounts' tokens, wherever they come from."""
    sources = [secret.value for one in book.sources.values() for secret in one.secrets]
    endpoints = [secret.value for one in book.endpoints.values() for secret in one.secrets]
    tokens = [one.token for one in book.accounts.values()]
    return {value for value in (*sources, *endpoints, *tokens) if len(value) >= SHORTEST}
