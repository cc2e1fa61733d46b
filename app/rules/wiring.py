"""Load the rulebook for this process: with its settings, its providers, and the emulator's accounts in practice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.accounts.sandbox_mode import SANDBOX, TOKEN, is_practice, practice_accounts, practice_environment
from app.errors import Mistake, RulebookError, StartError, VariableError
from app.model import Account
from app.rules.file.parsed import VARIABLE, Parsed
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.rules.file.documents import Document
    from app.rules.rulebook import Rulebook
    from app.settings import Settings

SHORTEST = 6  # characters of a variable's value that is looked for


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
    if mistakes := refused_accounts(rulebook, settings, environment):
        raise RulebookError(mistakes)
    return rulebook


def variable_values(book: Rulebook, read: Callable[[str], str | None]) -> dict[str, str]:
    """Return the values of the variables that the rules name, by `${NAME}`: what is shown of rules must hold none.

    A value of a few characters is left out: it is no secret, and would be found in the middle of words.
    """
    names = {name for document in book.documents for name in VARIABLE.findall(document.text) if name}
    return {f"${{{name}}}": value for name in sorted(names) if (value := _value(name, read)) and len(value) >= SHORTEST}


def _value(name: str, read: Callable[[str], str | None]) -> str | None:
    try:
        return read(name)
    except VariableError:  # its file is gone since; the rules in force have its value, and a reload will say so
        return None


def refused_accounts(rulebook: Rulebook, settings: Settings, environment: Mapping[str, str]) -> tuple[Mistake, ...]:
    """Return why accounts of a compiled rulebook cannot be used outside practice, each at its place in the rules."""
    found = {name: message for name, account in rulebook.accounts.items() if (message := _refused(account, settings))}
    if not found:
        return ()
    parsed = [Parsed(document, environment) for document in rulebook.documents]
    return tuple(_mistake(parsed, name, message) for name, message in found.items())


def _refused(account: Account, settings: Settings) -> str | None:
    if is_practice(account.name):
        return f"{SANDBOX!r} is the emulator's name; choose another one for a real account"
    if not account.oauth:
        return None
    if missing := settings.missing_for_oauth:
        return f"accounts that join by OAuth need {', '.join(missing)}"
    from app.accounts.encryption import encryption  # noqa: PLC0415  # cryptography takes 8 MB, which few need

    try:
        encryption(settings.encryption_keys.get_secret_value() if settings.encryption_keys else "")
    except StartError as error:
        return str(error)
    return None


def _mistake(parsed: list[Parsed], name: str, message: str) -> Mistake:
    """Return the mistake at the account's `oauth`, or at the account where it has none."""
    for one in parsed:
        if name in (one.value.get("accounts") or {}):
            return one.mistake(("accounts", name, "oauth"), f"account {name!r}: {message}")
    return Mistake(parsed[0].file, 1, 1, f"accounts: {message}")
