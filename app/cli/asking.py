"""What commands that ask HubSpot share: their options, the rules they go by, and the account that is meant."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop

from app.cli.rules_file import FINDINGS
from app.database.engine import busy_when_gone
from app.errors import RulebookError, StartError
from app.model import Account
from app.process import load_rulebook
from app.rules.load import read_documents
from app.rules.rulebook import Rulebook
from app.settings import Settings

AccountOption = Annotated[
    str, typer.Option("--account", help="The account's name in the rules, where there are several.")
]
UNWRITTEN = "none"

T = TypeVar("T")


def rulebook_of(rules: Path, settings: Settings, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules as `serve` would load them, or raise StartError with all their mistakes."""
    try:
        return load_rulebook(read_documents(rules), settings=settings, environment=environment, sandbox=False)
    except RulebookError as error:
        raise StartError(str(error), exit_code=FINDINGS) from error


def rulebook_or_none_yet(rules: Path, settings: Settings, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules; before any are written, a token alone is enough to look at what they could name."""
    if rules.exists() or settings.hubspot_token is None:
        return rulebook_of(rules, settings, environment)
    account = Account("main", settings.hubspot_token.get_secret_value())
    return Rulebook(UNWRITTEN, (), {"main": account}, {}, {}, {}, ())


def key_of(book: Rulebook, name: str) -> str:
    """Return the account that is meant: the one named, or the only one. Raises StartError."""
    if name and name not in book.accounts:
        raise StartError(f"--account: there is no account {name!r} in the rules; there are {_names(book)}")
    if not name and len(book.accounts) > 1:
        raise StartError(f"there are several accounts: name one by --account, {_names(book)}")
    return name or next(iter(book.accounts))


def _names(book: Rulebook) -> str:
    return ", ".join(sorted(book.accounts))


def finished(asking: Coroutine[Any, Any, T]) -> T:
    """Run what asks HubSpot to its end; trouble with the store is told like any other."""

    async def run() -> T:
        with busy_when_gone():
            return await asking

    return uvloop.run(run())
