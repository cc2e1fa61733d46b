"""Sessions: random cookies over rows, which end by time, by deletion, or with the token that they were begun with."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.console.signin.store import StoredSession
from app.console.signin.visitor import Visitor, Way
from app.errors import SignInRefused
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from app.console.signin.store import Place, SignInStore
    from app.console.signin.visitor import Person
    from app.operators import Token

SECRET_BYTES = 32
SEEN_APART = timedelta(minutes=1)  # at most this often a session's last use is written
LINK_GONE = "This link was used already, or its ten minutes are over. `segue console --link` prints a new one."
_MARK = b"segue console session\0"


def new_secret() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hashed(secret: str) -> bytes:
    """Return what is stored of a secret that a browser holds."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def mark_of(digest: bytes) -> bytes:
    """Return what a session keeps of its token: enough to see whether the token is still in force, and no more.

    It is not the digest that tokens are compared by, so that a reader of the table learns nothing of use there.
    """
    return hashlib.sha256(_MARK + digest).digest()


@dataclass(frozen=True, slots=True)
class Terms:
    """How long sessions last, and whether the identity provider is still configured that some were begun by."""

    life: timedelta
    idle: timedelta
    oidc: bool


def stands(session: StoredSession, terms: Terms, tokens: Iterable[Token], now: datetime) -> bool:
    """Return whether a session is good at `now`. `tokens` are those in force."""
    if now >= session.expires_at or now - session.seen_at >= terms.idle:
        return False
    if session.way == Way.TOKEN:
        return any(_begun_with(session, token) for token in tokens)
    return session.way != Way.OIDC or terms.oidc


def _begun_with(session: StoredSession, token: Token) -> bool:
    same = hmac.compare_digest(mark_of(token.digest), session.token_mark or b"")
    return same and token.name == session.subject and token.role == session.role


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of the console. `tokens` returns the tokens in force. Every method raises Busy."""

    store: SignInStore
    tokens: Callable[[], Iterable[Token]]
    terms: Terms

    async def begin(self, person: Person, now: datetime, *, instead_of: str = "") -> str:
        """Begin a session in place of that of a cookie, and return its own; the present act is written with both.

        Raises SignInRefused where the person's link was used meanwhile: nothing has changed then.
        """
        cookie = new_secret()
        session = StoredSession(
            sha256=hashed(cookie),
            subject=person.who,
            name=person.name,
            role=person.role,
            way=person.way,
            token_mark=None if person.token is None else mark_of(person.token),
            zone=None,
            created_at=now,
            seen_at=now,
            expires_at=now + self.terms.life,
        )
        ends = hashed(instead_of) if instead_of else None
        if not await self.store.add_session(session, ends=ends, link=person.link):
            raise SignInRefused(LINK_GONE)
        return cookie

    async def visitor(self, cookie: str, now: datetime) -> Visitor | None:
        """Return the person whose browser holds `cookie`, None where no session that stands is theirs."""
        session = await self.store.session(hashed(cookie)) if cookie else None
        if session is None or not self.stands(session, now):
            return None
        apart = min(SEEN_APART, self.terms.idle / 4)  # a person who goes on is not signed out in between
        if now - session.seen_at >= apart:
            await self.store.see(session.sha256, now, apart)
        role = Role(session.role)
        return Visitor(session.subject, session.name, role, session.way, session.zone, session.sha256)

    async def listed(self, now: datetime, *, who: str | None) -> list[StoredSession]:
        """List the newest sessions that stand: of the person `who`, or of all, at most 500."""
        found = await self.store.sessions(now, now - self.terms.idle, subject=who)
        return [one for one in found if self.stands(one, now)]

    async def page(self, now: datetime, *, who: str | None, most: int, **edges: Place | None) -> list[StoredSession]:
        """List sessions, the newest first, next to the place `before` or `after`; some may not stand any more."""
        return await self.store.sessions(now, now - self.terms.idle, subject=who, most=most, **edges)

    async def named(self, visitor: Visitor, session: bytes, now: datetime) -> StoredSession | None:
        """Return a session that a visitor may end: their own, or anyone's for an admin; None where none stands."""
        found = await self.store.session(session)
        if found is None or not self.stands(found, now):
            return None
        return found if found.subject == visitor.who or visitor.may(Role.ADMIN) else None

    async def end(self, visitor: Visitor, session: bytes) -> bool:
        """End a session for a visitor: their own, or anyone's for an admin. Return whether there was such a one."""
        return await self.store.end(session, subject=None if visitor.may(Role.ADMIN) else visitor.who)

    async def end_cookie(self, cookie: str) -> bool:
        """End the session of a browser."""
        return await self.store.end(hashed(cookie), subject=None)

    async def choose_zone(self, visitor: Visitor, zone: str | None) -> None:
        """Keep the time zone that a visitor chose, for as long as their session lasts."""
        await self.store.put_zone(visitor.session, zone)

    def stands(self, session: StoredSession, now: datetime) -> bool:
        """Return whether a session is good now."""
        return stands(session, self.terms, self.tokens(), now)
