"""Accounts that join by OAuth in the service as `segue serve` wires it, with HubSpot on a port of this machine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text
from starlette.responses import JSONResponse
from typer.testing import CliRunner
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app import workers
from app.__main__ import build
from app.accounts.encryption import Encryption, new_key
from app.accounts.grant_store import GrantStore
from app.accounts.sandbox_mode import practice_accounts
from app.errors import StartError
from app.web.server import Listener, bind
from tests.support.far_hubspot_oauth import APP
from tests.support.processes import Process
from tests.support.service import ADMIN_TOKEN, BASE, RULES, SECRETS, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from typer.testing import Result

    from tests.support.far_hubspot_oauth import FarEnd
    from tests.support.service import Running

KEY = new_key()
CONFIGURED: dict[str, Any] = {
    "hubspot_client_id": APP.client_id,
    "hubspot_client_secret": APP.client_secret,
    "encryption_keys": KEY,
    "public_url": BASE,
}
STATE = "SELECT state, reason, detail FROM enrollments WHERE account = 'emea'"
CONNECTED = "SELECT * FROM journal WHERE cause = 'account_connected'"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.replace("version: 1\n", "version: 1\naccounts: {emea: {oauth: true}}\n"))
    return file


@asynccontextmanager
async def served(
    far: FarEnd, bearers: list[str], refusal: tuple[str, int] = ("MISSING_SCOPES", 403)
) -> AsyncIterator[str]:
    """Run HubSpot on a port; every call beside its OAuth is noted with its bearer, and refused."""
    category, status = refusal

    async def anything(request: Request) -> Response:
        bearers.append(request.headers["authorization"])
        return JSONResponse({"category": category}, status)

    app = far.app
    app.add_route("/{path:path}", anything, methods=["GET", "POST"])
    listener = Listener(bind("127.0.0.1", 0, "far end"), protocol=HttpToolsProtocol)
    serving = asyncio.create_task(listener.serve(app))  # type: ignore[arg-type]  # any ASGI application will do
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        listener.stop()
        await serving


async def connect(web: Running, far: FarEnd) -> httpx.Response:
    """Go the whole way as an operator and a person do."""
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    link = (await web.client.post("/api/v1/accounts/emea/install", headers=headers)).json()["url"]
    url = (await web.client.post(link)).headers["location"]
    state = httpx.URL(url).params["state"]
    return await web.client.get("/oauth/callback", params={"state": state, "code": far.approve(url)})


async def test_what_waits_for_an_account_goes_on_when_it_is_connected_and_bears_its_token(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    bearers: list[str] = []
    async with (
        served(far, bearers) as url,
        running(database_url, rules, hubspot_base_url=url, lease_seconds="2", **CONFIGURED) as web,
    ):
        await workers.start(web.process)
        web.process.maintain()
        await web.deliver("open", {"id": "1", "type": "form", "email": "ada@corp.example"})
        (row,) = await web.rows_once_there(f"{STATE} AND state = 'held'")
        assert row["reason"] == "account_not_connected"
        assert "segue hubspot install emea" in row["detail"]
        assert bearers == []
        assert "Waiting for this until now: 1 enrollment." in (await connect(web, far)).text
        await web.rows_once_there(CONNECTED)
        await web.rows_once_there("SELECT id FROM enrollments WHERE reason = 'MISSING_SCOPES'")
    (token,) = set(bearers)
    assert token.startswith("Bearer access-")


async def test_work_is_held_where_hubspot_refuses_a_token_that_it_has_just_issued(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    bearers: list[str] = []
    async with (
        served(far, bearers, ("EXPIRED_AUTHENTICATION", 401)) as url,
        running(database_url, rules, hubspot_base_url=url, lease_seconds="2", **CONFIGURED) as web,
    ):
        await connect(web, far)
        await workers.start(web.process)
        web.process.maintain()
        await web.deliver("open", {"id": "1", "type": "form", "email": "ada@corp.example"})
        (row,) = await web.rows_once_there(f"{STATE} AND state = 'held'")
        assert row["reason"] == "account_not_connected"
        assert "HubSpot refuses the access token of 'emea'" in row["detail"]
        assert "segue hubspot install emea" in row["detail"]
    assert far.refreshed() == 0


async def test_who_was_held_while_the_account_was_being_connected_is_found(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    async with served(far, []) as url, running(database_url, rules, hubspot_base_url=url, **CONFIGURED) as web:
        oauth = web.process.oauth
        assert oauth is not None
        await web.deliver("open", {"id": "1", "type": "form", "email": "ada@corp.example"})
        await connect(web, far)
        async with web.process.engine.begin() as connection:
            late = "UPDATE enrollments SET state = 'held', reason = 'account_not_connected', due_at = now() + '1 h'"
            await connection.execute(text(late))
        await oauth.release()
        await web.rows_once_there(f"{STATE} AND state = 'ready'")


async def test_metrics_tell_which_accounts_are_connected_and_forget_those_that_left_the_rules(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    async def connected() -> list[str]:
        page = (await web.get("/metrics")).text
        return [line for line in page.splitlines() if line.startswith("segue_account_connected{")]

    async with served(far, []) as url, running(database_url, rules, hubspot_base_url=url, **CONFIGURED) as web:
        assert await connected() == ['segue_account_connected{account="emea"} 0.0']
        await connect(web, far)
        assert await connected() == ['segue_account_connected{account="emea"} 1.0']
        write(rules, RULES)
        await web.process.rulebook.reload()
        assert await connected() == []


async def test_without_the_settings_the_rules_are_rejected_and_say_which(database_url: str, rules: Path) -> None:
    with pytest.raises(StartError, match=r"OAuth need SEGUE_HUBSPOT_CLIENT_ID, SEGUE_HUBSPOT_CLIENT_SECRET"):
        async with running(database_url, rules):
            pass


@pytest.mark.parametrize("missing", ["hubspot_client_id", "hubspot_client_secret", "public_url", "encryption_keys"])
async def test_an_app_that_is_configured_by_half_is_reported_at_start(
    database_url: str, rules: Path, missing: str
) -> None:
    settings = {name: value for name, value in CONFIGURED.items() if name != missing}
    with pytest.raises(StartError, match=rf"^accounts that join by OAuth need SEGUE_{missing.upper()}, too$"):
        async with running(database_url, rules, **settings):
            pass


async def test_a_malformed_key_is_reported_at_start_also_where_nothing_uses_it_yet(
    database_url: str, rules: Path
) -> None:
    with pytest.raises(StartError, match="SEGUE_ENCRYPTION_KEYS: key 1 of 1"):
        async with running(database_url, rules, encryption_keys="no-key"):
            pass


async def test_practice_never_joins_by_oauth(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, **CONFIGURED) as web:
        assert web.process.rulebook.current is not None
        (account,) = practice_accounts(web.process.rulebook.current.accounts).values()
    assert (account.name, account.oauth, account.token) == ("sandbox", False, "pat-sandbox")


def segue(environment: Mapping[str, Any], *arguments: str) -> Result:
    """Run a command with these settings and no others."""
    names = {f"SEGUE_{name.upper()}": str(value) for name, value in environment.items()}
    return CliRunner(env=names).invoke(build(), arguments)


async def test_the_commands_give_a_link_to_an_account_in_force_and_disconnect_one(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    async with served(far, []) as url, running(database_url, rules, hubspot_base_url=url, **CONFIGURED) as web:
        environment = CONFIGURED | {"database_url": database_url, "hubspot_base_url": url}
        given = await asyncio.to_thread(segue, environment, "hubspot", "install", "emea")
        assert (given.exit_code, given.stdout.startswith(f"{BASE}/oauth/install?ticket=")) == (0, True), given.output
        assert (await web.client.get(given.stdout.strip())).status_code == 200
        assert (await web.client.post(given.stdout.strip())).status_code == 303
        short = await asyncio.to_thread(segue, environment, "hubspot", "install", "emea", "--hours", "2")
        assert short.exit_code == 0, short.output
        async with web.process.engine.begin() as connection:
            lives = text(
                "SELECT round(extract(epoch FROM expires_at - created_at)) FROM oauth_installs WHERE kind = 'ticket'"
            )
            assert (await connection.execute(lives)).scalars().all() == [7200]
        unknown = await asyncio.to_thread(segue, environment, "hubspot", "install", "apac")
        assert "no account 'apac' joins by OAuth in the rules in force; there are: emea" in str(unknown.exception)
        none = await asyncio.to_thread(segue, environment, "hubspot", "disconnect", "emea")
        assert (none.exit_code, "it was not connected" in none.output) == (1, True)
        await connect(web, far)
        gone = await asyncio.to_thread(segue, environment, "hubspot", "disconnect", "emea")
        assert (gone.exit_code, "emea: disconnected" in gone.stdout) == (0, True), gone.output
        await connect(web, far)
        far.revoke_with = 503
        kept = await asyncio.to_thread(segue, environment, "hubspot", "disconnect", "emea")
        assert (kept.exit_code, "HubSpot did not take it back: uninstall the app" in kept.output) == (1, True)
        async with web.process.engine.connect() as connection:
            rows = "SELECT after FROM audit WHERE what = 'segue hubspot disconnect' ORDER BY at DESC LIMIT 2"
            assert (await connection.execute(text(rows))).scalars().all() == [
                {"connected": False},
                {"asked": "disconnect"},  # before HubSpot was
            ]
        write(rules, RULES)
        await web.process.rulebook.reload()
        left = await asyncio.to_thread(segue, environment, "hubspot", "install", "emea")
        assert "there are: none yet" in str(left.exception)
        plain = await asyncio.to_thread(segue, {"database_url": database_url}, "hubspot", "install", "emea")
        assert "OAuth need SEGUE_HUBSPOT_CLIENT_ID" in str(plain.exception)


async def test_a_worker_seals_anew_what_was_sealed_with_the_old_key_until_it_started(
    database_url: str, rules: Path, far: FarEnd
) -> None:
    async with served(far, []) as url, running(database_url, rules, hubspot_base_url=url, **CONFIGURED) as web:
        await connect(web, far)
        newest = new_key()
        environment = CONFIGURED | {
            "database_url": database_url,
            "hubspot_base_url": url,
            "encryption_keys": f"{newest},{KEY}",
        }
        settings = {f"SEGUE_{name.upper()}": str(value) for name, value in environment.items()}
        worker = Process(["-m", "app", "worker"], settings | SECRETS, "oauth.rotated")
        try:
            await worker.wait_until_up()
        finally:
            worker.end()
        grant = await GrantStore(web.process.engine, Encryption([newest])).read("emea")
    assert grant is not None
    assert grant.refresh_token in far.refresh_tokens


def test_a_new_key_is_a_key() -> None:
    made = segue({}, "new-key").stdout.strip()
    assert len(made) == len(KEY)
    assert made != segue({}, "new-key").stdout.strip()
