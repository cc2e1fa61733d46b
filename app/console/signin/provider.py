"""One identity provider: what it says of itself and its keys, kept for a while, and codes exchanged for claims."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from app.clock import elapsed_seconds
from app.console.signin.claims import AGAIN
from app.console.signin.discovery import Discovered, discovery_url, read_discovery
from app.console.signin.oidc import UnknownKey, read_keys, signed_claims
from app.errors import ProviderFailed, SignInRefused
from app.masking import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.console.signin.client import ProviderClient
    from app.console.signin.oidc import Keys

KEPT_SECONDS = 600.0  # a key that a provider takes back is not trusted for longer
AGAIN_SECONDS = 60.0  # at most this often keys are fetched because of a token that names an unknown one
OK = 200


@dataclass(slots=True)
class Kept:
    """What was fetched, and when, by a clock that never goes back (seconds)."""

    found: Discovered
    keys: Keys
    at: float


@dataclass(slots=True)
class Provider:
    """The provider of the settings. Every method may raise ProviderFailed."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    client: ProviderClient
    clock: Callable[[], float] = elapsed_seconds
    _kept: Kept | None = None
    _asked_at: float | None = None

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser is led to sign in."""
        found = (await self._known()).found
        query = urlencode({
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": found.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        })  # fmt: skip
        return f"{found.authorization_url}{'&' if '?' in found.authorization_url else '?'}{query}"

    async def claims(
        self, code: str, *, redirect_uri: str, verifier: str, named_issuer: str | None
    ) -> tuple[str, Mapping[str, Any]]:
        """Return the issuer and the claims of the ID token that a code is good for; their signature is right.

        `named_issuer` is what the browser's return named. Raises SignInRefused.
        """
        found = (await self._known()).found
        if named_issuer != found.issuer and (named_issuer is not None or found.names_issuer):
            raise SignInRefused(f"The browser comes back from another identity provider. {AGAIN}")
        token = await self._exchange(found, code, redirect_uri, verifier)
        try:
            return found.issuer, signed_claims(token, (await self._known()).keys)
        except UnknownKey:
            if not self._may_ask_again():
                raise
        return found.issuer, signed_claims(token, (await self._fetch()).keys)

    async def _exchange(self, found: Discovered, code: str, redirect_uri: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        auth = None
        if found.basic:  # both parts are encoded before they are joined (RFC 6749, 2.3.1)
            auth = (quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        status, answer = await self.client.post("a token for the code", found.token_url, form, auth)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if status == OK and isinstance(token, str):
            return token
        raise _no_token(status, answer)

    async def _known(self) -> Kept:
        kept = self._kept
        return kept if kept and self.clock() - kept.at < KEPT_SECONDS else await self._fetch()

    async def _fetch(self) -> Kept:
        document = await self.client.read("its discovery document", discovery_url(self.issuer))
        found = read_discovery(document, self.issuer)
        keys = read_keys(await self.client.read("its keys", found.keys_url))
        self._kept = Kept(found, keys, self.clock())
        return self._kept

    def _may_ask_again(self) -> bool:
        now = self.clock()
        if self._asked_at is not None and now - self._asked_at < AGAIN_SECONDS:
            return False
        self._asked_at = now
        return True


def _no_token(status: int, answer: Any) -> SignInRefused:
    """Return what follows from an answer without a token: OAuth's own word for it may be shown, and nothing else."""
    word = answer.get("error") if isinstance(answer, dict) else None
    shown = printable(word)[:60] if isinstance(word, str) else f"HTTP {status}"
    if shown == "invalid_grant":
        return SignInRefused(f"The identity provider does not know this login any more (invalid_grant). {AGAIN}")
    return ProviderFailed(f"The identity provider gives no token for the code ({shown}). An admin must look at it.")
