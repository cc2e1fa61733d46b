"""An OpenID Connect provider of our own on loopback: real HTTP, RSA keys that rotate, and ways to misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry, serialize_compact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CLIENT_ID, CLIENT_SECRET = "segue console", "made-up:client secret"  # blanks and colons must travel well
FOUND = 302  # the body of such an answer is where it leads
NAMES = itertools.count(1)


def new_key() -> RSAKey:
    """Make a signing key with an id of its own."""
    return RSAKey.generate_key(2048, {"kid": f"key-{next(NAMES)}", "use": "sig", "alg": "RS256"})


KEYS = [new_key(), new_key()]  # making one takes a while: all tests share them


@dataclass
class IdentityProvider:
    """A provider. `claims` are added to each token, `spoil` changes them last, `sign` makes a token of them.

    `answers` replaces the answer at a path: a status and a body. `asked` has every request: its path and its form.
    """

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: KEYS[0])
    published: list[RSAKey] = field(default_factory=lambda: [KEYS[0]])
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "name": "Cara Conti", "groups": ["crm"]})
    spoil: Callable[[dict[str, Any]], object] = lambda claims: claims
    sign: Callable[[IdentityProvider, dict[str, Any]], str] | None = None
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def approve(self, url: str, **more: str) -> dict[str, str]:
        """Agree, as a person in their browser does; return what the browser comes back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.issuer}/authorize?")
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]} | more

    def times_asked(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(asked == path for asked, _ in self.asked)

    def token(self, query: dict[str, str]) -> str:
        """Return the ID token of a login."""
        now = int(time.time())
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": query["nonce"]} | times | self.claims
        self.spoil(claims)
        return self.sign(self, claims) if self.sign else signed(self.key, claims)

    def answer(self, path: str, headers: dict[str, str], body: str) -> tuple[int, bytes]:
        """Answer a request."""
        self.asked.append((path, {name: values[0] for name, values in parse_qs(body).items()}))
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            said = {"issuer": self.issuer} | {name: f"{self.issuer}/{place}" for name, place in places.items()}
            return 200, json.dumps(said | self.metadata).encode()
        if path.startswith("/authorize?"):  # a browser, whose person is signed in there and agrees
            back = self.approve(f"{self.issuer}{path}")
            return FOUND, f"{self.codes[back['code']]['redirect_uri']}?{urlencode(back)}".encode()
        if path == "/keys":
            return 200, json.dumps({"keys": [key.as_dict(private=False) for key in self.published]}).encode()
        return self._exchange(headers, self.asked[-1][1])

    def _exchange(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, bytes]:
        if authorized(headers, form) != (CLIENT_ID, CLIENT_SECRET):
            return 401, b'{"error": "invalid_client"}'
        query = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if query is None or (query["redirect_uri"], query["code_challenge"]) != (
            form["redirect_uri"],
            challenge.rstrip("="),
        ):
            return 400, b'{"error": "invalid_grant"}'
        return 200, json.dumps({"id_token": self.token(query), "access_token": "x", "token_type": "Bearer"}).encode()


def authorized(headers: dict[str, str], form: dict[str, str]) -> tuple[str | None, str | None]:
    """Return the client's id and secret, from the header or from the form."""
    if "authorization" not in headers:
        return form.get("client_id"), form.get("client_secret")
    name, _, secret = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    return unquote(name), unquote(secret)


def signed(key: RSAKey, claims: dict[str, Any], **header: str) -> str:
    """Sign claims as a provider does."""
    named = {"alg": "RS256", "kid": key.kid or "", **header}
    return serialize_compact(named, json.dumps(claims).encode(), key, algorithms=["RS256"])


def signed_with_public_key(provider: IdentityProvider, claims: dict[str, Any]) -> str:
    """Sign with the public key as if it were a shared secret."""
    secret = provider.key.as_dict(private=False)["n"]
    key = OctKey.import_key(str(secret))
    registry = JWSRegistry(algorithms=["HS256"])
    return jwt.encode({"alg": "HS256", "kid": provider.key.kid}, claims, key, registry=registry)


def unsigned(_provider: IdentityProvider, claims: dict[str, Any]) -> str:
    """Return a token that is signed by `none`."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    """Run a provider on a port of its own."""
    provider = IdentityProvider()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            status, answer = provider.answer(head[0].split(" ")[1], headers, body)
            where = f"location: {answer.decode()}\r\n" if status == FOUND else ""
            start = f"HTTP/1.1 {status} X\r\n{where}content-length: {len(answer)}\r\nconnection: close\r\n\r\n"
            writer.write(start.encode() + answer)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield provider
