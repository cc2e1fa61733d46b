"""The names of the sequences that the rules enroll in, as far as HubSpot has listed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.catalogue.listing_store import names_listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.console.context import Console
    from app.rules.rulebook import Rulebook


async def target_names(console: Console, book: Rulebook) -> Mapping[str, str]:
    """Return the names of the rules' sequences, by the rule's id. Raises Busy while the database is away."""
    wanted = sequences_of(book)
    names = await names_listed(console.reads, sequences=[sequence for _, sequence in wanted.values()])
    found = {rule: names.sequence(*sequence) for rule, sequence in wanted.items()}
    return {rule: name for rule, name in found.items() if name}


def sequences_of(book: Rulebook) -> Mapping[str, tuple[str, str]]:
    """Return the account's own name and the sequence of each rule that enrolls, by the rule's id."""
    requests = ((rule.id, rule.enroll.request) for rule in book.rules if rule.enroll is not None)
    return {
        rule: (book.accounts[one.account].name, one.sequence)
        for rule, one in requests
        if one.sequence and one.account in book.accounts
    }
