"""Accounts as the rules name them: entries -> what the rulebook holds. Whatever is wrong with one is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from app.model import Account, Cap, UnenrollWorkflow, is_hubspots, is_kept
from app.rules.file.documents import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.rules.file.diagnostics import Findings, Place
    from app.rules.file.documents import Document
    from app.rules.file.parse import Part
    from app.rules.file.schema import AccountEntry

OWN = "is HubSpot's own: name a contact property that you have made for this"
NEVER = "is never a rule's to write: it says who the contact is, HubSpot keeps it itself, or a rule's `owner` gives it"


def accounts_of(parts: list[Part], findings: Findings) -> dict[str, Account]:
    """Return the accounts by name."""
    made: dict[str, Account] = {}
    found = findings.merged(parts, "accounts")
    for name, part in found.items():
        entry, place = part.file.accounts[name], ("accounts", name)
        _look_at(name, entry, part, place, findings)
        _require_own(entry, part, place, findings)
        made[name] = _account(name, entry)
    _require_apart(made, found, findings)
    return made


def joining_by_oauth(documents: Iterable[Document]) -> list[str]:
    """Return the names of the accounts that join by OAuth, of documents that were in force: no variable is needed."""
    read = (yaml.safe_load(document.text) or {} for document in documents)
    entries = {name: entry for one in read for name, entry in (one.get("accounts") or {}).items()}
    return sorted(name for name, entry in entries.items() if entry.get("oauth") is True)


def _require_apart(made: Mapping[str, Account], found: Mapping[str, Part], findings: Findings) -> None:
    """Note accounts with one token: under two names one HubSpot account would be asked twice as fast as it allows."""
    first: dict[str, str] = {}
    for name, account in made.items():
        other = first.setdefault(account.token, name)
        if account.token and PLACEHOLDER not in account.token and other != name:
            told = f"account {name!r} has the token of account {other!r}: one HubSpot account is one account here"
            findings.note(found[name], ("accounts", name, "token"), told)


def _look_at(name: str, entry: AccountEntry, part: Part, place: Place, findings: Findings) -> None:
    bridge = entry.unenroll
    if entry.oauth == (entry.token is not None):
        findings.note(part, place, f"account {name!r}: write one of `token` and `oauth: true`")
    if entry.daily and not entry.timezone:
        told = f"account {name!r}: `daily` needs the `timezone` that HubSpot shows for the account"
        findings.note(part, (*place, "daily"), told)
    if bridge is not None and (bridge.contact_property is None) == (bridge.workflow is None):
        findings.note(part, (*place, "unenroll"), f"account {name!r}: write one of `property` and `workflow`")


def _require_own(entry: AccountEntry, part: Part, place: Place, findings: Findings) -> None:
    """Note properties that are not the account's or its rules' to write: HubSpot keeps them, or people do.

    What the account itself writes is a property of its own. Of HubSpot's, rules may write those that people set, a
    lead's status say, once `writable` names them.
    """
    own = {("write_back", fact): name for fact, name in entry.write_back.model_dump(exclude_none=True).items()}
    if entry.unenroll is not None and entry.unenroll.contact_property is not None:
        own["unenroll", "property"] = entry.unenroll.contact_property
    for path, name in own.items():
        if is_hubspots(name):
            findings.note(part, (*place, *path), f"{name!r} {OWN}")
    for number, name in enumerate(entry.writable or ()):
        if is_kept(name):
            findings.note(part, (*place, "writable", number), f"{name!r} {NEVER}")


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
