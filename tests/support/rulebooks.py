"""Rulebooks for tests, written as an operator writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Account, Event
from app.rules.file.documents import Document
from app.rules.load import load
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

HEAD = """version: 1
sources: {crm: {provider: json, verify: none, allow_unverified: true}}
senders: {anna: {user_id: "7001", email: Anna@Acme.example}, ben: {user_id: "7002", email: ben@acme.example}}
rules:
"""


def book(rules: str, **environment: str) -> Rulebook:
    """Return a rulebook of these rules; each begins with two spaces and a dash."""
    return loaded(HEAD + rules, **environment)


def loaded(text: str, **environment: str) -> Rulebook:
    """Return the rulebook of a whole file."""
    documents = (Document("rules.yaml", text),)
    return load(documents, environment=environment, providers=PROVIDERS, default_account=Account("main", "x"))


def event(kind: str = "a", email: str | None = "Ada@Corp.example", **fields: Any) -> Event:
    """Return an event of the source `crm`."""
    return Event("crm", kind, ("1",), email=email, **fields)
