"""What the rules need of one account: senders, sequences, contact properties. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.doctor.named_properties import NamedProperty, WriteBack, named_properties, write_backs
from app.model import CONTACT_OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.model import Account, Sender
    from app.rules.rulebook import EnrollAction, Rulebook


@dataclass(frozen=True, slots=True)
class Use:
    """One sequence as rules use it. `senders` may send it; `by_owners` says that any contact's owner may."""

    sequence: str
    rules: tuple[str, ...]
    senders: tuple[Sender, ...]
    by_owners: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one account is used for. `workflows` says that contacts are put into workflows, which takes a scope.

    `named` are the contact properties that rules name, and the account's `unenroll`; write-backs stand apart.
    """

    account: Account
    senders: tuple[Sender, ...]
    uses: tuple[Use, ...]
    named: tuple[NamedProperty, ...]
    write_backs: tuple[WriteBack, ...] = ()
    workflows: bool = False

    @property
    def properties(self) -> tuple[str, ...]:
        """Return the names of the contact properties that rules name, each once."""
        return tuple(sorted({one.name for one in self.named}))


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
    account = book.accounts[key]
    by_workflow = account.unenroll is not None and account.unenroll.workflow is not None
    workflows = by_workflow or any(action.request.plan.target for _, action in actions)
    return Wanted(account, senders, uses, named_properties(book, key), write_backs(book, key), workflows)


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
