"""Compile `addresses`: what all files add to the lists of domains, and take from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.people.domain_lists import DomainLists

if TYPE_CHECKING:
    from app.rules.file.parse import Part


def compile_lists(parts: list[Part]) -> DomainLists:
    """Return the lists of domains as the files change them together."""
    found = [part.file.addresses for part in parts]
    return DomainLists(
        free_mail=frozenset(domain for entry in found for domain in entry.free_mail.add),
        not_free_mail=frozenset(domain for entry in found for domain in entry.free_mail.remove),
        disposable=frozenset(domain for entry in found for domain in entry.disposable.add),
        not_disposable=frozenset(domain for entry in found for domain in entry.disposable.remove),
    )
