"""Grants and people on their way, in a real PostgreSQL: what is kept, what is released, and what cannot be read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.accounts.encryption import Encryption, new_key
from app.accounts.grant_store import GrantStore
from app.accounts.identity_store import IdentityStore
from app.accounts.install_store import InstallStore, Pending
from app.database.direct import DirectConnection
from app.database.engine import open_engine
from app.errors import Busy, DecryptionFailed, InstallRefused
from app.hubspot.api.oauth import TokenFacts, Tokens
from app.intake.store import write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry

    Connected = Callable[..., Awaitable[None]]

PENDING = Pending("emea", "verifier-of-this-way", "https://segue.example/oauth/callback")


async def everything(engine: AsyncEngine, table: str) -> str:
    """The rows of a table as a dump would show them."""
    async with engine.connect() as connection:
        found = await connection.execute(text(f"SELECT encode(convert_to(t::text, 'UTF8'), 'escape') FROM {table} t"))  # noqa: S608  # written in this file
        raw = await connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # as above
        return f"{found.all()} {raw.all()}"


async def held(engine: AsyncEngine, account: str, reason: str) -> None:
    """Make all enrollments of an account wait for an hour."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE enrollments SET state = 'held', reason = :reason, due_at = clock_timestamp() + interval '1 h' "
                "WHERE account = :account"
            ),
            {"account": account, "reason": reason},
        )


async def test_no_token_stands_readable_in_the_database(connected: Connected, engine: AsyncEngine) -> None:
    await connected(1000)
    shown = await everything(engine, "oauth_grants")
    assert "4567" in shown
    assert not any(token in shown for token in ("access-0", "refresh-0"))


async def test_connecting_says_which_portal_the_account_is(connected: Connected, engine: AsyncEngine) -> None:
    accounts = IdentityStore(engine)
    await accounts.learn("emea", "1", "Asia/Tokyo")
    await connected(1000)
    assert await accounts.portals() == {"emea": "4567"}
    assert await accounts.timezone("emea") is None


async def test_an_account_stays_with_the_hub_that_it_was_connected_to(connected: Connected, grants: GrantStore) -> None:
    await connected(1000)
    other = Tokens("access-x", 1800, "refresh-x", TokenFacts(scopes=()))
    with pytest.raises(InstallRefused, match=r"connected to HubSpot account 4567, and this is 9999\..*disconnect emea"):
        await grants.connect("emea", "9999", other, seconds=1800)
    found = await grants.read("emea")
    assert found is not None
    assert (found.hub_id, found.access_token) == ("4567", "access-0")
    assert await grants.forget("emea")
    assert not await grants.forget("emea")
    await grants.connect("emea", "9999", other, seconds=1800)


async def test_connecting_releases_what_waited_for_it_and_nothing_else(
    engine: AsyncEngine, grants: GrantStore, make_entry: MakeEntry
) -> None:
    accounts = [("ada@corp.example", "emea"), ("bea@corp.example", "emea"), ("cid@corp.example", "apac")]
    entries = [make_entry(f"e{n}", email, account=account) for n, (email, account) in enumerate(accounts)]
    writer = DirectConnection(engine.url)
    await write(writer, entries)
    await writer.close()
    await held(engine, "emea", "account_not_connected")
    await held(engine, "apac", "account_not_connected")
    tokens = Tokens("access-0", 1800, "refresh-0", TokenFacts(scopes=()))
    assert await grants.connect("emea", "4567", tokens, seconds=1800) == 2
    await held(engine, "emea", "quota")
    assert await grants.connect("emea", "4567", tokens, seconds=1800) == 0
    async with engine.connect() as connection:
        causes = await connection.execute(text("SELECT after, cause FROM journal WHERE cause = 'account_connected'"))
        assert causes.all() == [("ready", "account_connected")] * 2


async def test_what_was_held_just_after_an_account_was_connected_is_released_and_nothing_of_a_dead_grant(
    engine: AsyncEngine, grants: GrantStore, connected: Connected, make_entry: MakeEntry
) -> None:
    writer = DirectConnection(engine.url)
    await write(writer, [make_entry(name, f"{name}@corp.example", account=name) for name in ("emea", "apac", "other")])
    await writer.close()
    await connected(1000)
    await connected(1000, account="apac")
    for account in ("emea", "apac", "other"):
        await held(engine, account, "account_not_connected")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_grants SET state = 'revoked' WHERE account = 'apac'"))
    assert [await grants.release() for _ in range(2)] == [1, 0]
    # Held again long after the grant has changed, it is held for something else.
    await held(engine, "emea", "account_not_connected")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_grants SET updated_at = now() - interval '1 hour'"))
    assert await grants.release() == 0
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_grants SET updated_at = now()"))
    assert await grants.release() == 1
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT account, state FROM enrollments ORDER BY account"))
        assert [tuple(row) for row in rows] == [("apac", "held"), ("emea", "ready"), ("other", "held")]


@pytest.mark.parametrize(
    ("cause", "leased", "read_now"),
    [
        ("read_failed", False, True),
        ("read_failed", True, False),
        ("read", False, False),
    ],
)
async def test_what_could_not_be_read_for_want_of_a_grant_is_read_once_there_is_one(
    engine: AsyncEngine, connected: Connected, make_entry: MakeEntry, cause: str, *, leased: bool, read_now: bool
) -> None:
    writer = DirectConnection(engine.url)
    await write(writer, [make_entry("e1", account="emea")])
    await writer.close()
    async with engine.begin() as connection:
        lease = "clock_timestamp() + interval '1 minute'" if leased else "NULL"
        unread = f"UPDATE enrollments SET state = 'uncertain', due_at = now() + interval '1 h', leased_until = {lease}"  # noqa: S608  # written in this file
        await connection.execute(text(unread))
        noted = (
            "INSERT INTO journal (enrollment_id, at, before, after, attempt, cause) "
            "SELECT id, clock_timestamp(), 'uncertain', 'uncertain', 1, cause FROM enrollments, "
            "unnest(CAST(:causes AS text[])) WITH ORDINALITY AS listed(cause, number) ORDER BY number"
        )
        await connection.execute(text(noted), {"causes": ["read_failed", cause]})
    await connected(1000)
    async with engine.connect() as connection:
        due = await connection.execute(text("SELECT state, due_at <= clock_timestamp() FROM enrollments"))
        assert [tuple(row) for row in due] == [("uncertain", read_now)]


async def test_a_new_key_takes_over_and_what_it_cannot_open_is_kept(engine: AsyncEngine, connected: Connected) -> None:
    old, new = new_key(), new_key()
    await connected(1000, account="lost")
    before = GrantStore(engine, Encryption([old]))
    await before.connect("emea", "4567", Tokens("access-0", 1800, "refresh-0", TokenFacts(scopes=())), seconds=1800)
    assert await GrantStore(engine, Encryption([new, old])).rotate() == 1
    found = await GrantStore(engine, Encryption([new])).read("emea")
    assert found is not None
    assert (found.access_token, found.refresh_token) == ("access-0", "refresh-0")
    with pytest.raises(DecryptionFailed):
        await before.read("emea")
    assert [row["account"] for row in await before.listed()] == ["emea", "lost"]


async def test_operators_are_shown_no_token(connected: Connected, grants: GrantStore) -> None:
    await connected(1000)
    (row,) = await grants.listed()
    assert (row["account"], row["hub_id"], row["state"]) == ("emea", "4567", "active")
    assert not {"access_token", "refresh_token"} & set(row)
    shown = repr(await grants.read("emea"))
    assert not any(token in shown for token in ("access-0", "refresh-0"))


async def test_a_ticket_and_a_state_are_good_once_each_in_its_own_place(installs: InstallStore) -> None:
    ticket, state = await installs.add_ticket("emea", seconds=600), await installs.add_state(PENDING)
    assert await installs.take_ticket(state) is None
    assert await installs.take_state(ticket) is None
    assert [await installs.take_ticket(ticket) for _ in range(2)] == ["emea", None]
    assert [await installs.take_state(state) for _ in range(2)] == [PENDING, None]


async def test_a_ticket_that_is_looked_at_stays_good(engine: AsyncEngine, installs: InstallStore) -> None:
    ticket, state = await installs.add_ticket("emea", seconds=600), await installs.add_state(PENDING)
    assert [await installs.account_of(ticket) for _ in range(3)] == ["emea"] * 3
    assert await installs.account_of(state) is None
    assert await installs.take_ticket(ticket) == "emea"
    assert await installs.account_of(ticket) is None
    old = await installs.add_ticket("emea", seconds=600)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_installs SET expires_at = clock_timestamp()"))
    assert await installs.account_of(old) is None


async def test_of_many_that_come_with_the_same_state_one_is_let_in(installs: InstallStore) -> None:
    state = await installs.add_state(PENDING)
    found = await asyncio.gather(*(installs.take_state(state) for _ in range(8)))
    assert [each for each in found if each] == [PENDING]


async def test_both_are_good_for_ten_minutes_and_the_old_ones_go(engine: AsyncEngine, installs: InstallStore) -> None:
    ticket, state = await installs.add_ticket("emea", seconds=600), await installs.add_state(PENDING)
    async with engine.begin() as connection:
        lives = await connection.execute(text("SELECT DISTINCT expires_at - created_at < '601s' FROM oauth_installs"))
        assert lives.scalars().all() == [True]
        await connection.execute(text("UPDATE oauth_installs SET expires_at = clock_timestamp()"))
    assert await installs.take_ticket(ticket) is None
    await installs.add_ticket("emea", seconds=600)
    assert await installs.take_state(state) is None
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM oauth_installs"))).scalar_one() == 1


@pytest.mark.parametrize("unknown", ["", "made-up", "\x00", "\ud800", "x" * 10_000])
async def test_whatever_is_presented_instead_is_nothing(installs: InstallStore, unknown: str) -> None:
    assert await installs.account_of(unknown) is None
    assert await installs.take_ticket(unknown) is None
    assert await installs.take_state(unknown) is None


async def test_who_reads_the_table_can_use_nothing_of_it(engine: AsyncEngine, installs: InstallStore) -> None:
    secrets = [await installs.add_ticket("emea", seconds=600), await installs.add_state(PENDING), PENDING.verifier]
    shown = await everything(engine, "oauth_installs")
    assert not any(secret in shown for secret in secrets)
    assert PENDING.verifier not in repr(PENDING)


async def test_a_store_that_is_gone_is_busy(encryption: Encryption) -> None:
    engine = open_engine("postgresql+asyncpg://segue@127.0.0.1:1/segue")
    calls: list[Awaitable[Any]] = [
        InstallStore(engine, encryption).add_ticket("emea", seconds=600),
        GrantStore(engine, encryption).listed(),
    ]
    for call in calls:
        with pytest.raises(Busy):
            await call
    await engine.dispose()


async def test_an_answer_to_a_grant_that_is_gone_does_not_become_the_next_ones(
    connected: Connected, grants: GrantStore
) -> None:
    await connected(-1)
    gone = await grants.read("emea")
    assert gone is not None
    assert await grants.claim(gone, by="replica-1", seconds=20)
    await grants.forget("emea")
    await grants.connect("emea", "9999", Tokens("access-x", 1800, "refresh-x", TokenFacts(scopes=())), seconds=1800)
    assert not await grants.renew(gone, Tokens("access-of-4567", 1800, "refresh-of-4567"), seconds=1800)
    assert not await grants.pause(gone, by="replica-1", seconds=20, detail="late")
    assert not await grants.revoke(gone, by="replica-1", detail="late")
    found = await grants.read("emea")
    assert found is not None
    assert (found.hub_id, found.access_token, found.active) == ("9999", "access-x", True)


async def test_a_grant_of_before_is_renewed_under_the_fences_of_now(
    engine: AsyncEngine, connected: Connected, grants: GrantStore
) -> None:
    await connected(-1)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_grants SET version = 17"))
    before = await grants.read("emea")
    assert before is not None
    tokens = Tokens("access-1", 1800, "refresh-1")
    assert [await grants.renew(before, tokens, seconds=1800) for _ in range(2)] == [True, False]
    after = await grants.read("emea")
    assert after is not None
    assert after.version >= 1_000_000


async def test_a_hub_is_one_account_and_a_refusal_names_it(grants: GrantStore, connected: Connected) -> None:
    await connected(1000)
    other = Tokens("access-x", 1800, "refresh-x", TokenFacts(scopes=()))
    with pytest.raises(InstallRefused, match=r"4567 is already the account 'emea'.*disconnect emea"):
        await grants.connect("apac", "4567", other, seconds=1800)
    assert await grants.read("apac") is None
    await grants.connect("emea", "4567", other, seconds=1800)
    await grants.forget("emea")
    await grants.connect("apac", "4567", other, seconds=1800)


async def test_of_many_names_that_are_connected_to_one_hub_at_once_one_is(grants: GrantStore) -> None:
    tokens = Tokens("access-x", 1800, "refresh-x", TokenFacts(scopes=()))
    names = [f"name-{number}" for number in range(5)]
    ended = await asyncio.gather(
        *(grants.connect(name, "4567", tokens, seconds=1800) for name in names), return_exceptions=True
    )
    assert sum(isinstance(each, InstallRefused) for each in ended) == len(names) - 1
    assert len(await grants.listed()) == 1
