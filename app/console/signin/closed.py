"""What the sign-in page offers, and what it says where there is no way in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKENS = "SEGUE_TOKENS"
OIDC_FIRST = "SEGUE_OIDC_ISSUER"


@dataclass(frozen=True, slots=True)
class Needed:
    """One way in that is closed: what it is, and the settings that open it."""

    way: str
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The sign-in page. `begin` leads to the identity provider `provider`; `closed` are the ways that need settings.

    `trouble` is why the last try did not work.
    """

    next: str
    by_token: bool
    begin: str | None
    provider: str | None
    closed: tuple[Needed, ...]
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class LinkPage:
    """The page of a one-time link: who it signs in, and the secret that the button sends."""

    name: str
    role: str
    link: str


@dataclass(frozen=True, slots=True)
class Message:
    """A page that says what happened, and leads on."""

    title: str
    lines: tuple[str, ...]
    url: str
    word: str


def closed_page_facts(*, tokens: bool, missing_for_oidc: Sequence[str]) -> tuple[Needed, ...]:
    """Return which settings open which way in, where none is open or one is open by half.

    `tokens` says whether operators have tokens, `missing_for_oidc` is what the identity provider lacks.
    """
    begun = bool(missing_for_oidc) and OIDC_FIRST not in missing_for_oidc
    if (tokens or not missing_for_oidc) and not begun:
        return ()
    needed = [] if tokens else [Needed("Sign in by a token", (TOKENS,))]
    return (*needed, Needed("Sign in by an identity provider (OpenID Connect)", tuple(missing_for_oidc)))


def provider_name(issuer: str) -> str:
    """Return how a page calls an identity provider: by its host."""
    return urlsplit(issuer).hostname or issuer
