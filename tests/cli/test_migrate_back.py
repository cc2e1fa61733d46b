"""`segue migrate --to`: what is lost is said, and a database that Segue works on stays as it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from app.database.downgrade import Loss, find_losses, releases, revision_of
from app.database.engine import open_engine
from app.database.migrate import head, migrate
from app.errors import StartError
from tests.backup.conftest import as_written, execute, fill, held, segue

if TYPE_CHECKING:
    from pathlib import Path

EARLIEST = "0021"


def test_the_database_goes_back_and_on_again(database_url: str) -> None:
    fill(database_url)
    before = held(database_url)
    where = {"SEGUE_DATABASE_URL": as_written(database_url)}
    unsaid = segue("migrate", "--to", EARLIEST, **where)
    assert unsaid.returncode != 0
    assert "say so with --yes" in unsaid.stderr
    assert "lost: restores: 3 rows\n" in unsaid.stdout
    assert held(database_url) == before
    done = segue("migrate", "--to", EARLIEST, "--yes", **where)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"is at migration {EARLIEST}" in done.stdout
    assert asyncio.run(migrate(make_url(database_url))) == head()


def test_no_database_is_made_to_go_back(tmp_path: Path) -> None:
    refused = segue("migrate", "--to", EARLIEST, "--yes", SEGUE_DATA_DIR=str(tmp_path / "data"))
    assert refused.returncode != 0
    assert "there is no database in" in refused.stderr
    assert not (tmp_path / "data").exists()


async def test_what_is_lost_is_counted(database_url: str) -> None:
    await asyncio.to_thread(fill, database_url)
    losses = await find_losses(make_url(database_url), EARLIEST)
    assert Loss("restores", 3) in losses
    # Of three rows that count 0, 1 and 2, the first one has the default.
    assert Loss("events.repeats", 2) in losses
    assert str(Loss("events.answers", 1234)) == "events.answers: 1,234 rows"
    assert await find_losses(make_url(database_url), head()) == []


async def test_a_database_that_segue_works_on_stays(database_url: str) -> None:
    engine = open_engine(database_url)
    async with engine.connect():
        with pytest.raises(StartError, match=r"Segue works on the database \(1 sessions\)"):
            await find_losses(engine.url, EARLIEST)
    await engine.dispose()


async def test_going_on_is_not_going_back(database_url: str) -> None:
    await asyncio.to_thread(segue, "migrate", "--to", EARLIEST, "--yes", SEGUE_DATABASE_URL=as_written(database_url))
    with pytest.raises(StartError, match=f"at migration {EARLIEST}, before {head()}"):
        await find_losses(make_url(database_url), head())
    await asyncio.to_thread(execute, database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match="only the version that made it can take it back"):
        await find_losses(make_url(database_url), EARLIEST)


def test_a_release_stands_for_its_last_migration() -> None:
    (release, revision), *_ = releases().items()
    assert revision_of(release) == revision_of(f"v{release}") == revision_of(revision) == revision
    with pytest.raises(StartError, match=r"9.9.9 is no migration and no release.*0.1.0"):
        revision_of("9.9.9")
