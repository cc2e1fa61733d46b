"""Access tokens over a real PostgreSQL: renewed in time, by one replica for all, whatever happens on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.accounts.encryption import Encryption, new_key
from app.accounts.grant_store import GrantStore
from app.accounts.tokens import LAST_SECONDS, RENEW_BEFORE_SECONDS, AccountTokens
from app.database.engine import open_engine
from app.errors import GrantRevoked, NotConnected, NotSent, Refusal
from app.hubspot.api.oauth import TokenFacts, Tokens, refresh
from tests.support.far_hubspot_oauth import DEAD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.sealed import Grant
    from app.hubspot.oauth_client import OAuthClient
    from tests.support.far_hubspot_oauth import FarEnd

    Connected = Callable[..., Awaitable[None]]

FEW_SECONDS = 30.0  # within the time in which a token is renewed
ENDED = -1.0


class Clock:
    """Seconds that pass only when a test adds some."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(grants: GrantStore, client: OAuthClient, clock: Clock) -> Callable[..., AccountTokens]:
    def build(name: str = "a", **changes: Any) -> AccountTokens:
        async def wait(_: float) -> None:
            """Let the others go on, and no time pass."""
            await asyncio.sleep(0)

        options: dict[str, Any] = {"name": name, "random": lambda: 0.0, "elapsed": clock, "wait": wait} | changes
        return AccountTokens("emea", options.pop("grants", grants), client, **options)

    return build


async def row(engine: AsyncEngine) -> dict[str, Any]:
    async with engine.connect() as connection:
        return dict((await connection.execute(text("SELECT * FROM oauth_grants"))).mappings().one())


async def change(engine: AsyncEngine, what: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE oauth_grants SET {what}"))  # noqa: S608  # written in this file


async def test_a_token_with_time_left_is_used_as_it_is(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd
) -> None:
    await connected(1000)
    tokens = replica()
    assert [await tokens.token() for _ in range(3)] == ["access-0"] * 3
    assert far.asked == []


async def test_many_replicas_that_need_a_token_at_once_ask_once_and_take_what_was_stored(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    far.silent_until = asyncio.Event()

    async def wait(_: float) -> None:
        # Another replica found the lease taken: only now does HubSpot answer its holder.
        assert far.silent_until
        far.silent_until.set()
        await asyncio.sleep(0)

    before = (await row(engine))["version"]
    replicas = [replica(f"replica-{number}", wait=wait) for number in range(8)]
    given = await asyncio.gather(*(each.token() for each in replicas for _ in range(5)))
    assert far.refreshed() == 1
    assert len(set(given)) == 1
    stored = await row(engine)
    assert (stored["version"], stored["state"], stored["leased_by"]) == (before + 1, "active", None)
    assert given[0].encode() not in bytes(stored["access_token"])


async def test_while_one_renews_the_others_go_on_with_the_token_there_is(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd
) -> None:
    await connected(FEW_SECONDS)
    far.silent_until = asyncio.Event()
    first = asyncio.create_task(replica("first").token())
    async with asyncio.timeout(300):
        await far.heard.wait()
    assert await replica("second").token() == "access-0"
    assert not first.done()
    far.silent_until.set()
    assert (await first).startswith("access-")
    assert far.refreshed() == 1


async def test_a_token_in_hand_is_used_on_while_its_successor_is_fetched_behind_it(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, clock: Clock, engine: AsyncEngine
) -> None:
    await connected(1000)
    tokens = replica()
    await tokens.token()
    await change(engine, "expires_at = clock_timestamp() + interval '30 seconds'")
    clock.seconds = 1000 - RENEW_BEFORE_SECONDS - 1
    assert await tokens.token() == "access-0"
    await tokens.close()
    assert far.asked == []
    clock.seconds += 2
    assert await tokens.token() == "access-0"
    await tokens.close()
    assert await tokens.token() == "access-1"
    assert far.refreshed() == 1


async def test_failing_to_renew_does_no_harm_before_the_token_ends(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, clock: Clock, engine: AsyncEngine
) -> None:
    await connected(1000)
    tokens = replica()
    await tokens.token()
    await change(engine, "expires_at = clock_timestamp() + interval '30 seconds'")
    far.answer_with = (503, {})
    clock.seconds = 1000 - FEW_SECONDS
    for _ in range(3):
        assert await tokens.token() == "access-0"
        await tokens.close()
    assert far.refreshed() == 1
    await change(engine, "expires_at = clock_timestamp()")
    clock.seconds = 1000 - LAST_SECONDS
    with pytest.raises(NotSent, match="503"):
        await tokens.token()
    far.answer_with = None
    await change(engine, "leased_until = clock_timestamp()")
    assert await tokens.token() == "access-1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((500, {}), NotSent),
        ((401, {"error": "invalid_client"}), Refusal),
        ((429, {"policyName": "TEN_SECONDLY_ROLLING"}), Refusal),
        ((200, {"access_token": "torn"}), NotSent),
    ],
)
async def test_after_a_failure_no_replica_asks_for_a_while(
    connected: Connected,
    replica: Callable[..., AccountTokens],
    far: FarEnd,
    engine: AsyncEngine,
    answer: tuple[int, object],
    expected: type[Exception],
) -> None:
    await connected(ENDED)
    far.answer_with = answer
    with pytest.raises(expected):
        await replica("first").token()
    with pytest.raises(NotSent, match="a moment ago"):
        await replica("second").token()
    assert far.refreshed() == 1
    assert (await row(engine))["state"] == "active"


async def test_the_newest_refresh_token_is_the_one_that_is_used(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    far.changes_refresh_token = True
    used = []
    for number in range(3):
        await replica(str(number)).token()
        used.append(far.asked[-1][1]["refresh_token"])
        await change(engine, "expires_at = clock_timestamp()")
    assert used == ["refresh-0", "refresh-1", "refresh-3"]


async def test_a_process_that_dies_with_hubspots_answer_in_hand_costs_a_lease_and_no_grant(
    connected: Connected,
    replica: Callable[..., AccountTokens],
    far: FarEnd,
    grants: GrantStore,
    client: OAuthClient,
    engine: AsyncEngine,
) -> None:
    await connected(ENDED)
    grant = await grants.read("emea")
    assert grant is not None
    assert await grants.claim(grant, by="dead", seconds=20)
    await client.send("emea", refresh(client.app, grant.refresh_token))
    # It died here. No other replica gets the lease until it has run out.
    assert not await grants.claim(grant, by="alive", seconds=20)
    await change(engine, "leased_until = clock_timestamp()")
    assert await replica("alive").token() == "access-2"
    assert far.refreshed() == 2


async def test_an_answer_that_comes_after_the_lease_ran_out_is_dropped_where_another_replica_stored_its_own(
    connected: Connected,
    replica: Callable[..., AccountTokens],
    grants: GrantStore,
    client: OAuthClient,
    engine: AsyncEngine,
) -> None:
    await connected(ENDED)
    stale = await grants.read("emea")
    assert stale is not None
    assert await grants.claim(stale, by="frozen", seconds=20)
    late = await client.send("emea", refresh(client.app, stale.refresh_token))
    await change(engine, "leased_until = clock_timestamp()")
    current = await replica("alive").token()
    assert not await grants.renew(stale, Tokens(late.access_token, 1800, "refresh-0"), seconds=1800)
    stored = await grants.read("emea")
    assert stored is not None
    assert stored.access_token == current


async def test_a_late_token_proves_a_grant_alive_that_hubspot_called_dead_to_another_replica(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, grants: GrantStore, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    far.answer_with = (400, DEAD)
    stale = await grants.read("emea")
    assert stale is not None
    with pytest.raises(GrantRevoked):
        await replica("first").token()
    assert await grants.renew(stale, Tokens("access-late", 1800, "refresh-late"), seconds=1800)
    assert await replica("next").token() == "access-late"
    assert (await row(engine))["state"] == "active"


async def test_a_dead_grant_is_never_used_again_until_the_account_is_connected(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    far.answer_with = (400, DEAD)
    first, second = replica("first"), replica("second")
    for each in (first, first, second):
        with pytest.raises(GrantRevoked, match=r"'emea' is disconnected: HubSpot says .*segue hubspot install emea"):
            await each.token()
    assert far.refreshed() == 1
    assert (await row(engine))["state"] == "revoked"
    far.answer_with = None
    await connected(1000, refresh_token="refresh-new")
    assert [await first.token(), await second.token()] == ["access-0", "access-0"]


async def test_a_grant_that_was_renewed_by_hand_meanwhile_outlives_the_bad_news_of_the_old_one(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    far.answer_with, far.silent_until = (400, DEAD), asyncio.Event()
    asking = asyncio.create_task(replica().token())
    async with asyncio.timeout(300):
        await far.heard.wait()
    await connected(1000)
    far.silent_until.set()
    with pytest.raises(NotSent, match="anew"):
        await asking
    assert (await row(engine))["state"] == "active"


async def test_a_connected_account_is_used_at_once_and_not_when_the_old_token_has_ended(
    connected: Connected, replica: Callable[..., AccountTokens], grants: GrantStore
) -> None:
    await connected(1000)
    tokens = replica()
    await tokens.token()
    await grants.connect("emea", "4567", Tokens("access-new", 1800, "refresh-new", TokenFacts(scopes=())), seconds=1800)
    assert await tokens.token() == "access-0"
    tokens.changed()
    assert await tokens.token() == "access-new"


async def test_a_token_that_was_read_just_before_the_account_was_connected_is_not_held(
    connected: Connected, replica: Callable[..., AccountTokens], engine: AsyncEngine, encryption: Encryption
) -> None:
    class Overtaken(GrantStore):
        """What is read from it is overtaken before it arrives, once."""

        async def read(self, account: str) -> Grant | None:
            found = await super().read(account)
            if found and found.access_token == "access-0":
                await self.connect(
                    account, "4567", Tokens("access-new", 1800, "refresh-new", TokenFacts(scopes=())), seconds=1800
                )
                tokens.changed()
            return found

    await connected(1000)
    tokens = replica(grants=Overtaken(engine, encryption))
    assert [await tokens.token() for _ in range(2)] == ["access-0", "access-new"]


async def test_an_account_that_is_not_connected_says_how(replica: Callable[..., AccountTokens]) -> None:
    with pytest.raises(NotConnected, match=r"no person has connected the account 'emea'.*segue hubspot install emea"):
        await replica().token()


async def test_tokens_of_a_lost_key_or_of_another_account_count_as_not_connected_and_are_kept(
    connected: Connected, replica: Callable[..., AccountTokens], engine: AsyncEngine, encryption: Encryption
) -> None:
    await connected(1000)
    with pytest.raises(NotConnected, match="SEGUE_ENCRYPTION_KEYS"):
        await replica(grants=GrantStore(engine, Encryption([new_key()]))).token()
    await connected(1000, account="apac")
    swap = "access_token = (SELECT access_token FROM oauth_grants WHERE account = 'apac') WHERE account = 'emea'"
    await change(engine, swap)
    with pytest.raises(NotConnected, match="belongs elsewhere"):
        await replica(grants=GrantStore(engine, encryption)).token()


async def test_a_replica_that_stops_stores_what_is_on_its_way(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    before = (await row(engine))["version"]
    far.silent_until = asyncio.Event()
    tokens = replica()
    asking = asyncio.create_task(tokens.token())
    async with asyncio.timeout(300):
        await far.heard.wait()
    asking.cancel()
    closing = asyncio.create_task(tokens.close())
    far.silent_until.set()
    await closing
    assert (await row(engine))["version"] == before + 1


async def test_a_store_that_is_gone_is_reported_and_blocks_no_caller_for_ever(
    replica: Callable[..., AccountTokens],
) -> None:
    gone = open_engine("postgresql+asyncpg://segue@127.0.0.1:1/segue")
    tokens = replica(grants=GrantStore(gone, Encryption([new_key()])))
    with pytest.raises(ConnectionError):
        await tokens.token()
    await tokens.close()
    await gone.dispose()


async def test_a_cancelled_caller_does_not_take_the_answer_from_the_others(
    connected: Connected, replica: Callable[..., AccountTokens], far: FarEnd, engine: AsyncEngine
) -> None:
    await connected(ENDED)
    before = (await row(engine))["version"]
    far.silent_until = asyncio.Event()
    tokens = replica()
    first, second = (asyncio.create_task(tokens.token()) for _ in range(2))
    async with asyncio.timeout(300):
        await far.heard.wait()
    first.cancel()
    far.silent_until.set()
    assert (await second).startswith("access-")
    assert (first.cancelled(), (await row(engine))["version"]) == (True, before + 1)
