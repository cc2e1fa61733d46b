"""A rulebook that was in force before, compiled again to be read. No secret is needed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from app.errors import RulebookError
from app.model import Account
from app.rules.file.documents import PlaceholderEnvironment, text_to_documents
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

BOOKS_KEPT = 8


@lru_cache(maxsize=BOOKS_KEPT)
def compiled_earlier(documents: str) -> Rulebook | None:
    """Return the rulebook of a stored text, None where this version cannot read it. It takes a while: use a thread.

    Its conditions are shown and never decided by: the value of a variable in one of them is a placeholder.
    """
    account = Account("main", "placeholder")
    try:
        return load(
            text_to_documents(documents),
            environment=PlaceholderEnvironment(),
            providers=PROVIDERS,
            default_account=account,
        )
    except RulebookError:
        return None
