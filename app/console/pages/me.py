"""Me: who is signed in and how, the sessions that stand, and the time zone in which pages tell times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from pydantic import Field

from app.console import page
from app.console.lists import PAGE_ROWS, Listed, Slice, sliced
from app.console.page import ROOT, Confirm, Done, FormError, Pages, Visit, not_there
from app.console.signin.visitor import Way
from app.console.text import ago, exactly, zone_name, zone_named
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.console.context import Console
    from app.console.signin.sessions import Sessions
    from app.console.signin.store import Place, StoredSession

WAYS: Mapping[str, str] = {Way.TOKEN: "a token", Way.LINK: "a link that works once", Way.OIDC: "the identity provider"}
KEY = "^[0-9]{1,16}-[0-9a-f]{64}$"
BEGINNING, MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)
USUAL = ("", "the HubSpot account's")

USUAL_NOW = "Times are those of the HubSpot account again."


class Asked(Listed):
    """Where the list of sessions goes on."""

    before: str | None = Field(None, pattern=KEY)
    after: str | None = Field(None, pattern=KEY)


@dataclass(frozen=True, slots=True)
class Session:
    """One session that stands. `id` is a hash, by which no one signs in; `current` says that it is this one."""

    id: str
    name: str
    role: str
    way: str
    begun_at: datetime
    seen_at: datetime
    expires_at: datetime
    own: bool
    current: bool


@dataclass(frozen=True, slots=True)
class MePage:
    """The page. `zones` are the choices of the form, `zone` the one that is chosen (blank for none)."""

    sentence: str
    name: str
    role: str
    way: str
    zone: str
    zones: Sequence[tuple[str, str]]
    sessions: Slice[Session]
    of_others: bool


def pages(console: Console) -> Pages:
    """Return the page, and what a person changes of sessions."""
    pages, sessions = Pages(), console.sessions

    @pages.show("/me", "me.html")
    async def me(visit: Visit) -> MePage:
        visitor, own = visit.visitor, await sessions.listed(visit.now, who=visit.visitor.who)
        return MePage(
            sentence=_sentence(visit, len(own)),
            name=visitor.name,
            role=visitor.role,
            way=_way(visitor.way),
            zone=visitor.zone or "",
            zones=choices(),
            sessions=await _sessions(sessions, visit),
            of_others=visit.may(Role.ADMIN),
        )

    # What is changed is a person's own session, whatever the role; only an admin sees those of others.
    changes = _Changes(sessions)
    pages.change("/me/zone", changes.ask_zone, changes.choose_zone, Role.VIEWER)
    pages.change("/me/sessions/{session}/end", changes.ask_end, changes.end, Role.VIEWER)
    return pages


def _sentence(visit: Visit, own: int) -> str:
    visitor = visit.visitor
    return (
        f"{visitor.name} is signed in by {_way(visitor.way)}, as {visitor.role}, with {exactly(own, 'session')}. "
        f"Times are those of {zone_name(visit.zone)}."
    )


def _way(way: str) -> str:
    return WAYS.get(way, way)


async def _sessions(sessions: Sessions, visit: Visit) -> Slice[Session]:
    """Return a page of sessions, the newest first; those that do not stand any more are left out of it."""
    asked, who = visit.query(Asked), None if visit.may(Role.ADMIN) else visit.visitor.who
    edges = {"before": _place(asked.before), "after": _place(asked.after)}
    found = await sessions.page(visit.now, who=who, most=PAGE_ROWS + 1, **edges)
    listed = sliced(found, [_key(one) for one in found], asked, visit)
    standing = [_session(one, visit) for one in listed.items if sessions.stands(one, visit.now)]
    return Slice(standing, listed.newer, listed.older)


def _key(one: StoredSession) -> str:
    """Return how a URL names the place of a session: no one signs in by it."""
    return f"{(one.expires_at - BEGINNING) // MICROSECOND}-{one.sha256.hex()}"


def _place(key: str | None) -> Place | None:
    if key is None:
        return None
    microseconds, _, sha256 = key.partition("-")
    return BEGINNING + int(microseconds) * MICROSECOND, bytes.fromhex(sha256)


def _session(one: StoredSession, visit: Visit) -> Session:
    return Session(
        id=one.sha256.hex(),
        name=one.name,
        role=one.role,
        way=_way(one.way),
        begun_at=one.created_at,
        seen_at=one.seen_at,
        expires_at=one.expires_at,
        own=one.subject == visit.visitor.who,
        current=one.sha256 == visit.visitor.session,
    )


@dataclass(frozen=True, slots=True)
class _Changes:
    sessions: Sessions

    async def ask_zone(self, visit: Visit) -> Confirm:
        return Confirm(
            title="In which time zone?",
            button="Use this time zone",
            back=f"{ROOT}/me",
            consequences=("Pages tell times in it, for as long as your session lasts.",),
            fields=(page.Field("zone", "Time zone", kind="choice", value=visit.visitor.zone or "", choices=choices()),),
        )

    async def choose_zone(self, visit: Visit) -> Done:
        zone = visit.form.get("zone", "")
        if zone not in dict(choices()):
            raise FormError("zone", "There is no such time zone.")
        await self.sessions.choose_zone(visit.visitor, zone or None)
        return Done(f"{ROOT}/me", f"Times are those of {zone_name(zone_named(zone))} now." if zone else USUAL_NOW)

    async def ask_end(self, visit: Visit) -> Confirm:
        one = await self._named(visit)
        whose = (
            "this session of yours"
            if one.current
            else "a session of yours"
            if one.own
            else f"the session of {one.name}"
        )
        return Confirm(
            title=f"End {whose}?",
            button="End it",
            back=f"{ROOT}/me",
            consequences=(
                f"It was begun {ago(one.begun_at, visit.now)} by {one.way}, and used {ago(one.seen_at, visit.now)}.",
                "The browser that has it must sign in again.",
            ),
        )

    async def end(self, visit: Visit) -> Done:
        one = await self._named(visit)
        await self.sessions.end(visit.visitor, bytes.fromhex(one.id))
        return Done(f"{ROOT}/me", "The session has ended.")

    async def _named(self, visit: Visit) -> Session:
        """Return the session that a URL names, of those which this person may end."""
        found = await self.sessions.named(visit.visitor, _hash_of(visit.parameters["session"]), visit.now)
        if found is None:
            raise not_there("such session")
        return _session(found, visit)


def _hash_of(text: str) -> bytes:
    """Return what a session is stored under, nothing for a text that names none."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


@cache
def choices() -> tuple[tuple[str, str], ...]:
    """Return the time zones that a person may choose."""
    named = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return (USUAL, *((name, name.replace("_", " ")) for name in ("UTC", *named)))
