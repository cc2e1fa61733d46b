"""What the rules want of one account: whose mail, which sequences, which contact properties. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import CONTACT_OWNER, OF_CONTACT, Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.model import Account, Sender
    from app.rules.book import EnrollAction, Rulebook


@dataclass(frozen=True, slots=True)
class Use:
    """One sequence as rules use it. `senders` are who may send it; `by_owners` says that any contact's owner may."""

    sequence: str
    rules: tuple[str, ...]
    senders: tuple[Sender, ...]
    by_owners: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one account is used for. `workflows` says that contacts are put into workflows, which takes a scope."""

    account: Account
    senders: tuple[Sender, ...]
    uses: tuple[Use, ...]
    properties: tuple[str, ...]
    workflows: bool = False


def wanted(book: Rulebook, key: str) -> Wanted:
    """Return what the rules want of the account `key`.

    Senders belong to no account: of several accounts, each is held to those that its own rules name.
    """
    actions = [(rule.id, rule.enroll) for rule in book.rules if rule.enroll and rule.enroll.account == key]
    named = {sender.name for _, action in actions for sender in [*_senders(action, book), *_given(action, book)]}
    alone = len(book.accounts) == 1
    senders = tuple(sender for sender in book.senders.values() if alone or sender.name in named)
    # A rule that only writes the contact, or cancels, names no sequence.
    sequences = dict.fromkeys(action.sequence for _, action in actions if action.sequence)
    uses = tuple(_use(one, [item for item in actions if item[1].sequence == one], book) for one in sequences)
    properties = {name for _, action in actions for name in _properties(action)}
    account = book.accounts[key]
    bridge = account.bridge or Bridge()
    properties |= {bridge.contact_property} if bridge.contact_property else set()
    workflows = bool(bridge.workflow) or any(action.plan.workflow for _, action in actions)
    return Wanted(account, senders, uses, tuple(sorted(properties)), workflows)


def _use(sequence: str, actions: list[tuple[str, EnrollAction]], book: Rulebook) -> Use:
    senders = {sender.name: sender for _, action in actions for sender in _senders(action, book)}
    by_owners = any(action.plan.sender == CONTACT_OWNER for _, action in actions)
    return Use(sequence, tuple(rule for rule, _ in actions), tuple(senders.values()), by_owners)


def _senders(action: EnrollAction, book: Rulebook) -> Iterator[Sender]:
    """Return everybody who may send, the members of pools and the fallback among them."""
    for name in (action.plan.sender, action.plan.fallback or ""):
        if name in book.pools:
            yield from (book.senders[member] for member, _ in book.pools[name].members)
        elif name in book.senders:
            yield book.senders[name]


def _given(action: EnrollAction, book: Rulebook) -> Iterator[Sender]:
    """Return whom contacts are given to by name."""
    if action.plan.owner in book.senders:
        yield book.senders[action.plan.owner]


def _properties(action: EnrollAction) -> Iterator[str]:
    yield from action.properties
    yield from action.require
    yield from (name for _, name in action.plan.write_back)
    if action.plan.timing is not None and action.plan.timing.zone == OF_CONTACT:
        yield action.plan.timing.contact_property
