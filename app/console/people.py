"""The persons that URLs name: from a token to an address, and how the audit log calls the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.audit.act import about
from app.console.page import ROOT, Visit, not_there
from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from app.console.person_links import PersonLinks
    from app.process import Process

A_PERSON = "a person"  # what the audit log says in place of the token


@dataclass(frozen=True, slots=True)
class People:
    """The persons of one installation."""

    process: Process
    links: PersonLinks

    async def token_of(self, address: str) -> str:
        """Return the token of a listed address. Raises Busy."""
        return (await self.links.tokens()).token_of(address)

    async def named(self, visit: Visit) -> str:
        """Return the address of the person whom a URL names; the audit log then names no person."""
        about(A_PERSON)
        address = (await self.links.tokens()).address_of(visit.parameters["person"])
        if address is None:
            raise not_there("such person here")
        return address

    async def hashed(self, address: str) -> str:
        """Return the hash by which logs and the audit log name a person. Raises Busy."""
        with busy_when_gone():
            return (await self.process.hasher())(address)

    @staticmethod
    def url(visit: Visit) -> str:
        """Return the page of the person whom a URL names."""
        return f"{ROOT}/people/{visit.parameters['person']}"
