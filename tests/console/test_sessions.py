from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.audit.act import Act, acting
from app.audit.store import AuditFilters, AuditStore
from app.console.signin.sessions import Sessions, Terms, hashed
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Person, Visitor, Way, act_of
from app.database.retention import prune
from app.operators import Role, Token, digest_of
from tests.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TERMS = Terms(life=12 * HOUR, idle=HOUR, oidc=True)
ANNA = Token("anna", Role.OPERATOR, digest_of("the token of anna"))
BY_TOKEN = Person("anna", "anna", Role.OPERATOR, Way.TOKEN, ANNA.digest)
BY_LINK = Person("link:marta", "marta", Role.ADMIN, Way.LINK)
BY_OIDC = Person("oidc:0123456789abcdef", "Cara Conti", Role.VIEWER, Way.OIDC)


def sessions(engine: AsyncEngine, tokens: Iterable[Token] = (ANNA,), terms: Terms = TERMS) -> Sessions:
    return Sessions(SignInStore(engine), lambda: tokens, terms)


async def visitor(sessions: Sessions, person: Person) -> Visitor:
    visitor = await sessions.visitor(await sessions.begin(person, NOON), NOON)
    assert visitor is not None
    return visitor


async def test_a_short_time_without_requests_ends_no_session_that_is_used(engine: AsyncEngine) -> None:
    ours = sessions(engine, terms=Terms(life=HOUR, idle=MINUTE, oidc=True))
    cookie = await ours.begin(BY_TOKEN, NOON)
    for step in range(10):
        assert await ours.visitor(cookie, NOON + step * MINUTE / 2) is not None, step
    assert await ours.visitor(cookie, NOON + 5.5 * MINUTE) is None


@pytest.mark.parametrize("person", [BY_TOKEN, BY_LINK, BY_OIDC])
async def test_a_cookie_is_its_person_in_every_replica(engine: AsyncEngine, person: Person) -> None:
    cookie = await sessions(engine).begin(person, NOON)
    assert await sessions(engine).visitor(cookie, NOON) == Visitor(
        person.who, person.name, person.role, person.way, None, hashed(cookie)
    )
    assert await sessions(engine).visitor(cookie + "x", NOON) is None
    assert await sessions(engine).visitor("", NOON) is None


async def test_the_table_holds_nothing_that_signs_in(engine: AsyncEngine) -> None:
    cookie = await sessions(engine).begin(BY_TOKEN, NOON)
    async with engine.connect() as connection:
        row = str((await connection.execute(text("SELECT console_sessions::text FROM console_sessions"))).scalar_one())
    assert cookie not in row
    assert ANNA.digest.hex() not in row


async def test_a_session_ends_after_its_time_however_much_it_is_used(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    cookie = await ours.begin(BY_LINK, NOON)
    for half_hours in range(24):
        assert await ours.visitor(cookie, NOON + half_hours * HOUR / 2) is not None
    assert await ours.visitor(cookie, NOON + 12 * HOUR) is None


async def test_a_session_ends_when_it_is_not_used(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    cookie = await ours.begin(BY_LINK, NOON)
    assert await ours.visitor(cookie, NOON + 59 * MINUTE) is not None
    assert await ours.visitor(cookie, NOON + 118 * MINUTE) is not None
    assert await ours.visitor(cookie, NOON + 178 * MINUTE) is None


async def test_the_last_use_is_written_once_a_minute_at_most(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    cookie = await ours.begin(BY_LINK, NOON)
    seen = []
    for seconds in (1, 59, 60, 61, 119, 121):
        await ours.visitor(cookie, NOON + timedelta(seconds=seconds))
        async with engine.connect() as connection:
            at = (await connection.execute(text("SELECT seen_at FROM console_sessions"))).scalar_one()
        seen.append((at - NOON).total_seconds())
    assert seen == [0, 0, 60, 60, 60, 121]


@pytest.mark.parametrize(
    "tokens",
    [
        (),
        (Token("anna", Role.ADMIN, ANNA.digest),),
        (Token("ben", Role.OPERATOR, ANNA.digest),),
        (Token("anna", Role.OPERATOR, digest_of("the next token of anna")),),
    ],
)
async def test_a_session_ends_with_its_token(engine: AsyncEngine, tokens: tuple[Token, ...]) -> None:
    cookie = await sessions(engine).begin(BY_TOKEN, NOON)
    assert await sessions(engine, (*tokens, ANNA)).visitor(cookie, NOON) is not None
    assert await sessions(engine, tokens).visitor(cookie, NOON) is None
    assert await sessions(engine, tokens).listed(NOON, who=None) == []


async def test_sessions_of_a_provider_that_is_taken_out_end(engine: AsyncEngine) -> None:
    cookie = await sessions(engine).begin(BY_OIDC, NOON)
    assert await sessions(engine, terms=Terms(12 * HOUR, HOUR, oidc=False)).visitor(cookie, NOON) is None
    assert await sessions(engine).visitor(cookie, NOON) is not None


async def test_people_end_their_own_sessions_and_admins_those_of_others(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    anna, marta, cara = [await visitor(ours, person) for person in (BY_TOKEN, BY_LINK, BY_OIDC)]
    other = await visitor(ours, BY_TOKEN)
    assert {one.sha256 for one in await ours.listed(NOON, who="anna")} == {anna.session, other.session}
    assert len(await ours.listed(NOON, who=None)) == 4
    assert not await ours.end(anna, cara.session)
    assert await ours.end(anna, other.session)
    assert not await ours.end(anna, other.session)
    assert await ours.end(marta, anna.session)
    assert {one.subject for one in await ours.listed(NOON, who=None)} == {marta.who, cara.who}


async def test_a_cookie_is_of_no_use_after_signing_out(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    cookie = await ours.begin(BY_LINK, NOON)
    assert await ours.end_cookie(cookie)
    assert await ours.visitor(cookie, NOON) is None
    assert not await ours.end_cookie(cookie)


async def test_a_session_remembers_the_time_zone_of_its_person(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    cookie = await ours.begin(BY_LINK, NOON)
    chosen = await ours.visitor(cookie, NOON)
    assert chosen is not None
    await ours.choose_zone(chosen, "Europe/Berlin")
    again = await ours.visitor(cookie, NOON)
    assert again is not None
    assert again.zone == "Europe/Berlin"


async def test_beginning_and_ending_stand_in_the_audit_log(engine: AsyncEngine) -> None:
    ours = sessions(engine)
    with acting(Act("anna", "operator", "192.0.2.1", "sign-in")):
        anna = await visitor(ours, BY_TOKEN)
    with acting(act_of(anna, "192.0.2.1", "POST /admin/sign-out")):
        await ours.end(anna, anna.session)
    ended, begun = await AuditStore(engine).page(AuditFilters())
    assert (begun["who"], begun["what"], begun["outcome"]) == ("anna", "sign-in", "done")
    assert begun["after"] == {"way": "token", "name": "anna", "until": "2026-01-06T00:00:00+00:00"}
    assert (ended["who"], ended["role"], ended["target"]) == ("anna", "operator", "anna")


async def test_what_has_ended_is_swept(engine: AsyncEngine) -> None:
    store, ours = SignInStore(engine), sessions(engine)
    async with engine.connect() as connection:
        now = (await connection.execute(text("SELECT now()"))).scalar_one()
    for at in (now, now - 13 * HOUR):
        await ours.begin(BY_LINK, at)
        await store.add_login(hashed(f"state {at}"), "/admin", at)
        await store.add_link(hashed(f"link {at}"), "viewer", "ben", now=at, expires_at=at + HOUR)
    sent = """
        INSERT INTO console_forms (sha256, turn, sent_at)
        VALUES ('old', '', now() - interval '25 hours'), ('new', '', now())
    """
    async with engine.begin() as connection:
        await connection.execute(text(sent))
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=30))
    async with engine.connect() as connection:
        for table in ("console_sessions", "console_logins", "console_links", "console_forms"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 1  # noqa: S608  # four names
