"""LOGIN: a person signs in at the identity provider, from a click to a person with a role, on one page.

The browser keeps one secret in a cookie, from which state, nonce and PKCE verifier are derived: what travels through
URLs says nothing of the others, the database holds a hash of the state alone, and any replica may end what another one
began. The state is good once, for ten minutes, and for the browser that has the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.console.signin.claims import AGAIN, Expected, check_claims, name_of, no_role, role_of, values_of
from app.console.signin.paths import OIDC_CALLBACK
from app.console.signin.sessions import hashed, new_secret
from app.console.signin.visitor import Person, Way
from app.errors import SignInRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from app.console.signin.provider import Provider
    from app.console.signin.store import SignInStore
    from app.operators import Role

LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that has begun: where the browser is led, and the secret that it keeps."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser comes back with."""

    state: str
    code: str
    error: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Login:
    """Logins by one provider. `origin` is where browsers reach the console; `pseudonym` names a person for the log.

    `claim` has the values that `roles` give roles to. Every method raises SignInRefused and Busy.
    """

    provider: Provider
    store: SignInStore
    origin: str
    claim: str
    roles: tuple[tuple[Role, str], ...]
    pseudonym: Callable[[str], Awaitable[str]]

    async def begin(self, return_to: str, now: datetime) -> Begun:
        """Begin a login that leads to `return_to`."""
        secret = new_secret()
        url = await self.provider.authorization_url(
            redirect_uri=self._redirect_uri,
            state=derived(secret, "state"),
            nonce=derived(secret, "nonce"),
            challenge=challenge(derived(secret, "verifier")),
        )
        await self.store.add_login(hashed(derived(secret, "state")), return_to, now)
        return Begun(url, secret)

    async def finish(self, secret: str, returned: Returned, now: datetime) -> tuple[Person, str]:
        """Return who has signed in, and where they are led."""
        if not secret or not hmac.compare_digest(derived(secret, "state").encode(), _bytes(returned.state)):
            raise SignInRefused(f"This browser did not begin this login. {AGAIN}")
        return_to = await self.store.take_login(hashed(returned.state), now - LIFE)
        if return_to is None:
            raise SignInRefused(f"This login was used already, or began over ten minutes ago. {AGAIN}")
        if not returned.code:
            raise SignInRefused(f"The identity provider did not sign you in ({returned.error or 'no code'}). {AGAIN}")
        return await self._person(secret, returned, now), return_to

    async def _person(self, secret: str, returned: Returned, now: datetime) -> Person:
        issuer, claims = await self.provider.claims(
            returned.code,
            redirect_uri=self._redirect_uri,
            verifier=derived(secret, "verifier"),
            named_issuer=returned.issuer,
        )
        check_claims(claims, Expected(issuer, self.provider.client_id, derived(secret, "nonce")), now)
        values = values_of(claims, self.claim)
        role = role_of(values, self.roles)
        if role is None:
            raise no_role(name_of(claims), claims["sub"], self.claim, values)
        known_as = await self.pseudonym(_subject(issuer, claims["sub"]))
        return Person(f"oidc:{known_as}", name_of(claims), role, Way.OIDC)

    @property
    def _redirect_uri(self) -> str:
        return self.origin + OIDC_CALLBACK


def derived(secret: str, use: str) -> str:
    """Return 256 bits for one use, from which neither the secret nor another use's can be learnt."""
    return _base64(hmac.digest(_bytes(secret), f"segue login {use}".encode(), "sha256"))


def challenge(verifier: str) -> str:
    """Return the challenge of a PKCE verifier (RFC 7636, S256)."""
    return _base64(hashlib.sha256(verifier.encode("ascii")).digest())


def _subject(issuer: str, subject: str) -> str:
    """Return one text for a subject: it is unique within its issuer, and its case counts."""
    return hashlib.sha256(_bytes(f"{issuer}\0{subject}")).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
