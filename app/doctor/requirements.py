"""What the rules need of one account: senders, sequences, contact properties. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import CONTACT_OWNER, DECISION, OF_CONTACT, UnenrollWorkflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.model import Account, Sender
    from app.rules.rulebook import EnrollAction, Rulebook


EXAMPLE = "dec_019ab2c3d4e5f60718293a4b5c6d7e83"


@dataclass(frozen=True, slots=True)
class Use:
    """One sequence as rules use it. `senders` may send it; `by_owners` says that any contact's owner may."""

    sequence: str
    rules: tuple[str, ...]
    senders: tuple[Sender, ...]
    by_owners: bool


@dataclass(frozen=True, slots=True)
class WriteBack:
    """A contact property that says why a contact was enrolled: by its source, rule or decision (`fact`).

    `values` are what the rules write there; for decisions one example, since each has an id of its own.
    """

    fact: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one account is used for. `workflows` says that contacts are put into workflows, which takes a scope.

    `properties` are the contact properties that rules name, and the account's `unenroll`; write-backs stand apart.
    """

    account: Account
    senders: tuple[Sender, ...]
    uses: tuple[Use, ...]
    properties: tuple[str, ...]
    write_backs: tuple[WriteBack, ...] = ()
    workflows: bool = False


def wanted(book: Rulebook, key: str) -> Wanted:
    """Return what the rules need of the account `key`.

    Senders belong to no account: with several accounts, each needs those that its own rules name.
    """
    actions = [(rule.id, rule.enroll) for rule in book.rules if rule.enroll and rule.enroll.request.account == key]
    named = {sender.name for _, action in actions for sender in [*_senders(action, book), *_given(action, book)]}
    alone = len(book.accounts) == 1
    senders = tuple(sender for sender in book.senders.values() if alone or sender.name in named)
    # A rule that only writes the contact, or cancels, names no sequence.
    sequences = dict.fromkeys(action.request.sequence for _, action in actions if action.request.sequence)
    uses = tuple(_use(one, [item for item in actions if item[1].request.sequence == one], book) for one in sequences)
    properties = {name for _, action in actions for name in _properties(action)}
    account = book.accounts[key]
    bridge = account.unenroll or UnenrollWorkflow()
    properties |= {bridge.contact_property} if bridge.contact_property else set()
    workflows = bool(bridge.workflow) or any(action.request.plan.target for _, action in actions)
    return Wanted(account, senders, uses, tuple(sorted(properties)), _write_backs(book, key), workflows)


def _write_backs(book: Rulebook, key: str) -> tuple[WriteBack, ...]:
    """Return the write-backs of an account with what its rules write there: not every rule writes a contact."""
    rules = [
        rule
        for rule in book.rules
        if rule.enroll and rule.enroll.request.account == key and rule.enroll.request.plan.write_back
    ]
    values = {
        "source": tuple(dict.fromkeys(rule.source for rule in rules)),
        "rule": tuple(rule.id for rule in rules),
        DECISION: (EXAMPLE,),
    }
    return tuple(WriteBack(fact, name, values[fact]) for fact, name in book.accounts[key].write_back)


def _use(sequence: str, actions: list[tuple[str, EnrollAction]], book: Rulebook) -> Use:
    senders = {sender.name: sender for _, action in actions for sender in _senders(action, book)}
    by_owners = any(action.request.plan.sender == CONTACT_OWNER for _, action in actions)
    return Use(sequence, tuple(rule for rule, _ in actions), tuple(senders.values()), by_owners)


def _senders(action: EnrollAction, book: Rulebook) -> Iterator[Sender]:
    """Return all senders that the action may use, members of pools and the fallback included."""
    for name in (action.request.plan.sender, action.request.plan.fallback or ""):
        if name in book.pools:
            yield from (book.senders[member] for member, _ in book.pools[name].members)
        elif name in book.senders:
            yield book.senders[name]


def _given(action: EnrollAction, book: Rulebook) -> Iterator[Sender]:
    """Return the senders that contacts are assigned to by name."""
    if action.request.plan.owner in book.senders:
        yield book.senders[action.request.plan.owner]


def _properties(action: EnrollAction) -> Iterator[str]:
    yield from action.properties
    yield from action.request.require
    if action.request.plan.timing is not None and action.request.plan.timing.zone == OF_CONTACT:
        yield action.request.plan.timing.contact_property
