"""Who is signed in to the console, and how the audit log names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from app.audit.act import Act

if TYPE_CHECKING:
    from app.operators import Role


class Way(StrEnum):
    """How a person signed in."""

    TOKEN = "token"  # noqa: S105  # a word, and no secret
    LINK = "link"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who has just proved who they are.

    `who` is what the audit log has: a token's name, `link:` and the link's name, or `oidc:` and a keyed hash of issuer
    and subject. None of the last two can be a token's name, which has no colon. `name` is what pages show. `token` is
    the digest of the token that was presented, `link` that of the link that is used up.
    """

    who: str
    name: str
    role: Role
    way: Way
    token: bytes | None = field(default=None, repr=False)
    link: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person with a session. `session` is the SHA-256 of its cookie, `zone` the time zone that they chose."""

    who: str
    name: str
    role: Role
    way: str
    zone: str | None
    session: bytes

    def may(self, needed: Role) -> bool:
        """Return whether the role of this person does for what needs `needed`."""
        return self.role.may(needed)


def act_of(visitor: Visitor, address: str, what: str, *, target: str | None = None, revision: str | None = None) -> Act:
    """Return a visitor's act for the audit log: from `address`, by the route `what`."""
    return Act(visitor.who, visitor.role, address, what, target=target, revision=revision)
