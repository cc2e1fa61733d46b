"""The rulebook in force: immutable, compiled, indexed by (source, type)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.people.domain_lists import AS_PACKAGED, DomainLists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import Account, Endpoint, EnrollRequest, OutboundKind, Pool, Sender, SourceConfig
    from app.people.suppression import Suppression
    from app.rules.expressions import Expression
    from app.rules.file.documents import Document
    from app.rules.file.rule_entries import ExampleEntry


@dataclass(frozen=True, slots=True)
class EnrollAction:
    """What a matching rule asks for: `request`, to which the event adds its address and the values of `properties`.

    The request's `account` is a key of the rulebook's `accounts`.
    """

    request: EnrollRequest
    properties: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule. `enroll` is None where the rule says to ignore; `line` is where it begins.

    `says_on_error` tells whether the rule itself says what follows an error, or its action does. `description` is for
    people, None where the rule has none.
    """

    id: str
    file: str
    line: int
    source: str
    types: tuple[str, ...]
    when: Expression | None
    goes_on: bool
    stops_on_error: bool
    enroll: EnrollAction | None
    says_on_error: bool = True
    examples: tuple[ExampleEntry, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything a rules file says, checked. `listeners` holds the rules of each (source, type), in their order.

    The keys of `accounts` are the names that rules use; an account's own name differs from its key in practice only.
    """

    revision: str
    documents: tuple[Document, ...]
    accounts: Mapping[str, Account]
    sources: Mapping[str, SourceConfig]
    senders: Mapping[str, Sender]
    pools: Mapping[str, Pool]
    rules: tuple[Rule, ...]
    store_unheard: bool = False
    suppress: tuple[Suppression, ...] = ()
    listeners: Mapping[tuple[str, str], tuple[Rule, ...]] = field(default_factory=dict, repr=False)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    lists: DomainLists = AS_PACKAGED

    def account_named(self, name: str) -> Account | None:
        """Return the account whose own name this is."""
        return next((account for account in self.accounts.values() if account.name == name), None)

    def resolve_account(self, account: str | None) -> Account | None:
        """Return the account whose own name this is; without a name, the only account, None where there are several."""
        if account is not None:
            return self.account_named(account)
        return next(iter(self.accounts.values())) if len(self.accounts) == 1 else None

    def accounts_of(self, source: SourceConfig) -> tuple[str, ...]:
        """Return the own names of the accounts whose objects a source's events may name: the one configured, or all."""
        return tuple(self.accounts[key].name for key in ((source.account,) if source.account else self.accounts))

    def endpoints_for(self, kind: OutboundKind, account: str) -> tuple[str, ...]:
        """Return the names of the endpoints that receive this kind of event of the account with this own name."""
        return tuple(
            endpoint.name
            for endpoint in self.endpoints.values()
            if kind in endpoint.kinds
            and (endpoint.accounts is None or any(self.accounts[key].name == account for key in endpoint.accounts))
        )


def indexed(rules: tuple[Rule, ...]) -> Mapping[tuple[str, str], tuple[Rule, ...]]:
    """Return the rules by what they listen to, so that an event costs only the rules that listen to it."""
    listeners: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        for kind in dict.fromkeys(rule.types):
            listeners.setdefault((rule.source, kind), []).append(rule)
    return {key: tuple(found) for key, found in listeners.items()}


def revision_of(documents: tuple[Document, ...]) -> str:
    """Return 12 hexadecimal characters that identify the documents' text, without secrets and whatever the path."""
    texts = [document.text for document in documents]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]
