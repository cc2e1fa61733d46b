"""Compile accounts: entries of the rules file -> what the rulebook holds. Mistakes are noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from app.model import Account, Cap, UnenrollWorkflow, is_hubspots, is_kept
from app.rules.file.documents import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.rules.file.account_entries import AccountEntry
    from app.rules.file.diagnostics import Diagnostics
    from app.rules.file.documents import Document
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place

OWN = "is HubSpot's own: name a contact property that you have made for this"
NEVER = "is never a rule's to write: it says who the contact is, HubSpot keeps it itself, or a rule's `owner` gives it"


def compile_accounts(parts: list[Part], diagnostics: Diagnostics) -> dict[str, Account]:
    """Return the accounts by name."""
    accounts: dict[str, Account] = {}
    found = diagnostics.merged(parts, "accounts")
    for name, part in found.items():
        entry, place = part.file.accounts[name], ("accounts", name)
        _check(name, entry, part, place, diagnostics)
        _check_properties(entry, part, place, diagnostics)
        accounts[name] = _account(name, entry)
    _require_distinct_tokens(accounts, found, diagnostics)
    return accounts


def joining_by_oauth(documents: Iterable[Document]) -> list[str]:
    """Return the names of the accounts that join by OAuth. The documents were in force; no variable is expanded."""
    read = (yaml.safe_load(document.text) or {} for document in documents)
    entries = {name: entry for one in read for name, entry in (one.get("accounts") or {}).items()}
    return sorted(name for name, entry in entries.items() if entry.get("oauth") is True)


def _require_distinct_tokens(
    accounts: Mapping[str, Account], found: Mapping[str, Part], diagnostics: Diagnostics
) -> None:
    """Note accounts with the same token: one HubSpot account under two names would get twice its rate limit."""
    first: dict[str, str] = {}
    for name, account in accounts.items():
        other = first.setdefault(account.token, name)
        if account.token and PLACEHOLDER not in account.token and other != name:
            message = f"account {name!r} has the token of account {other!r}: one HubSpot account is one account here"
            diagnostics.note(found[name], ("accounts", name, "token"), message)


def _check(name: str, entry: AccountEntry, part: Part, place: Place, diagnostics: Diagnostics) -> None:
    unenroll = entry.unenroll
    if entry.oauth == (entry.token is not None):
        diagnostics.note(part, place, f"account {name!r}: write one of `token` and `oauth: true`")
    if entry.daily and not entry.timezone:
        message = f"account {name!r}: `daily` needs the `timezone` that HubSpot shows for the account"
        diagnostics.note(part, (*place, "daily"), message)
    if unenroll is not None and (unenroll.contact_property is None) == (unenroll.workflow is None):
        diagnostics.note(part, (*place, "unenroll"), f"account {name!r}: write one of `property` and `workflow`")


def _check_properties(entry: AccountEntry, part: Part, place: Place, diagnostics: Diagnostics) -> None:
    """Note properties that neither the account nor its rules may write.

    Write-backs and the property that starts the unenroll workflow must be the operator's own. Of HubSpot's properties,
    rules may write those that people set, such as a lead's status, once `writable` names them.
    """
    own = {("write_back", fact): name for fact, name in entry.write_back.model_dump(exclude_none=True).items()}
    if entry.unenroll is not None and entry.unenroll.contact_property is not None:
        own["unenroll", "property"] = entry.unenroll.contact_property
    for path, name in own.items():
        if is_hubspots(name):
            diagnostics.note(part, (*place, *path), f"{name!r} {OWN}")
    for number, name in enumerate(entry.writable or ()):
        if is_kept(name):
            diagnostics.note(part, (*place, "writable", number), f"{name!r} {NEVER}")


def _account(name: str, entry: AccountEntry) -> Account:
    return Account(
        name,
        entry.token or "",
        entry.per_10s,
        entry.contact_timezone,
        Cap(entry.per_person.enrollments, entry.per_person.period) if entry.per_person else None,
        tuple(entry.write_back.model_dump(exclude_none=True).items()),
        None if entry.writable is None else frozenset(entry.writable),
        entry.oauth,
        entry.daily,
        entry.timezone,
        UnenrollWorkflow(**entry.unenroll.model_dump()) if entry.unenroll else None,
    )
