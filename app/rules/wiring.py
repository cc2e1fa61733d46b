"""Load the rulebook for this process: with its settings, its providers, and the emulator's accounts in practice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.accounts.sandbox_mode import SANDBOX, TOKEN, is_practice, practice_accounts, practice_environment
from app.errors import Mistake, RulebookError
from app.model import Account
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.file.documents import Document
    from app.rules.rulebook import Rulebook
    from app.settings import Settings


def load_rulebook(
    documents: tuple[Document, ...], *, settings: Settings, environment: Mapping[str, str], sandbox: bool
) -> Rulebook:
    """Compile the documents to a Rulebook. With the sandbox, the emulator's accounts replace those of the rules.

    Raises RulebookError with every mistake.
    """
    token = settings.hubspot_token.get_secret_value() if settings.hubspot_token else None
    if sandbox:
        environment, token = practice_environment(environment), TOKEN
    account = Account("main", token) if token else None
    rulebook = load(documents, environment=environment, providers=PROVIDERS, default_account=account)
    if sandbox:
        return replace(rulebook, accounts=practice_accounts(rulebook.accounts))
    if message := _unusable(rulebook.accounts, settings):
        raise RulebookError((Mistake(documents[0].file, 1, 1, f"accounts: {message}"),))
    return rulebook


def _unusable(accounts: Mapping[str, Account], settings: Settings) -> str | None:
    """Return why these accounts cannot be used outside practice, None where they can."""
    if any(is_practice(name) for name in accounts):
        return f"{SANDBOX!r} is the emulator's name; choose another one for a real account"
    missing = settings.missing_for_oauth
    if missing and any(account.oauth for account in accounts.values()):
        return f"those that join by OAuth need {', '.join(missing)}"
    return None
