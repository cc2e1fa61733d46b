"""Which rulebook is in force: over mistakes, over a restart, and on every replica."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from app.database.listen import RULEBOOK_CHANGED, Notifications
from app.errors import RulebookError, StartError
from app.intake.group_commit import GroupCommit
from app.jobs import Loop
from app.observability.metrics import Metrics
from app.rules.active import ActiveRulebook
from app.rules.file.documents import read_documents
from app.rules.load import load
from app.rules.store import RulebookStore, unfinished_elsewhere
from app.sources import PROVIDERS
from tests.support.service import RULES, SECRETS, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry

    Replica = Callable[..., tuple[ActiveRulebook, Metrics]]

ACCOUNT = 'accounts: {%s: {token: "pat-made-up"}}\n'
FILE = RULES + ACCOUNT % "main"
OTHER = FILE.replace(">= 50", ">= 10")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file."""
    file = tmp_path / "rules.yaml"
    file.write_text(FILE)
    return file


@pytest.fixture
def replica(engine: AsyncEngine, rules: Path) -> Replica:
    """One process, with the environment it was given, over the database that all share."""

    def make(environment: Mapping[str, str] = SECRETS, file: Path = rules) -> tuple[ActiveRulebook, Metrics]:
        metrics = Metrics()
        compiled = partial(load, environment=environment, providers=PROVIDERS, default_account=None)
        book = ActiveRulebook(
            RulebookStore(engine),
            read=partial(read_documents, file),
            load=compiled,
            unfinished=partial(unfinished_elsewhere, engine),
            metrics=metrics,
        )
        return book, metrics

    return make


@pytest.fixture
async def waiting(engine: AsyncEngine, make_entry: MakeEntry) -> None:
    """One enrollment of the account `main` is under way."""
    writer = GroupCommit(engine.url)
    writer.start()
    await writer.accept(make_entry("e1", account="main"))
    await writer.close()


def gauge(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("segue_config_last_reload_successful")


def condition(rulebook: ActiveRulebook) -> str:
    """Return the text in force: which of the two files it is."""
    assert rulebook.current is not None
    return rulebook.current.documents[0].text


@asynccontextmanager
async def following(engine: AsyncEngine, rulebook: ActiveRulebook) -> AsyncIterator[None]:
    """Follow what other replicas put in force, notified by the database."""
    loop = Loop(rulebook.follow, every=10.0, store_trouble="rulebook.not_followed", defect="rulebook.defect")
    notifications = Notifications(engine.url, {RULEBOOK_CHANGED: lambda _: loop.wake()})
    notifications.start()
    loop.start()
    try:
        yield
    finally:
        await loop.stop(finish=True)
        await notifications.close()


async def until(holds: Callable[[], bool], engine: AsyncEngine) -> None:
    """Return as soon as something holds; the database is asked meanwhile, so that everything else gets its turn."""
    async with asyncio.timeout(300):
        while not holds():
            await RulebookStore(engine).in_force()


async def test_a_valid_file_is_in_force_and_stored_without_the_values_of_its_variables(
    replica: Replica, engine: AsyncEngine
) -> None:
    first, metrics = replica()

    book = await first.start()

    stored = await RulebookStore(engine).in_force()
    assert stored is not None
    assert first.current is book
    assert stored.revision == book.revision
    assert "${CRM_SECRET}" in stored.documents
    assert not any(secret in stored.documents for secret in SECRETS.values())
    assert book.sources["crm"].secrets[0].value == SECRETS["CRM_SECRET"]
    assert gauge(metrics) == 1
    assert metrics.registry.get_sample_value("segue_config_hash") == int(book.revision, 16)


async def test_mistakes_leave_the_last_good_rulebook_in_force_and_turn_the_gauge_to_0(
    replica: Replica, rules: Path, engine: AsyncEngine
) -> None:
    first, metrics = replica()
    book = await first.start()
    write(rules, FILE.replace("sender: anna", "sender: nobody"))

    with capture_logs() as logs, pytest.raises(RulebookError) as raised:
        await first.reload()

    assert len(raised.value.mistakes) == 3
    assert [line["log_level"] for line in logs if line["event"] == "rulebook.rejected"] == ["error"]
    assert first.current is book
    stored = await RulebookStore(engine).in_force()
    assert stored is not None
    assert (stored.revision, gauge(metrics)) == (book.revision, 0)
    write(rules, OTHER)
    await first.reload()
    assert (condition(first), gauge(metrics)) == (OTHER, 1)


async def test_reloading_the_same_file_stores_it_once(replica: Replica, engine: AsyncEngine) -> None:
    first, _ = replica()
    await first.start()
    number = await RulebookStore(engine).in_force()

    await first.reload()

    assert await RulebookStore(engine).in_force() == number


@pytest.mark.parametrize("broken", ["rules: [", "version: 2\n", ""])
async def test_a_restart_with_a_file_that_cannot_be_used_puts_the_stored_rulebook_in_force(
    replica: Replica, rules: Path, broken: str
) -> None:
    before = await replica()[0].start()
    write(rules, broken)
    again, metrics = replica()

    with capture_logs() as logs:
        book = await again.start()

    assert book.revision == before.revision
    assert book.sources == before.sources
    assert "rulebook.rejected" in [line["event"] for line in logs if line["log_level"] == "error"]
    assert gauge(metrics) == 0


async def test_a_restart_without_the_file_puts_the_stored_rulebook_in_force(replica: Replica, tmp_path: Path) -> None:
    await replica()[0].start()
    again, metrics = replica(file=tmp_path / "gone.yaml")

    await again.start()

    assert (condition(again), gauge(metrics)) == (FILE, 0)


async def test_with_neither_a_file_nor_a_stored_rulebook_nothing_starts(replica: Replica, rules: Path) -> None:
    write(rules, FILE.replace("version: 1", "version: 9"))
    first, metrics = replica()

    with pytest.raises(StartError, match=rf"{rules}:1:10: ") as raised:
        await first.start()

    assert raised.value.exit_code == 2
    assert first.current is None
    assert gauge(metrics) == 0


async def test_a_stored_rulebook_that_cannot_be_used_here_does_not_start_either(replica: Replica, rules: Path) -> None:
    await replica()[0].start()
    write(rules, "broken")

    with pytest.raises(StartError, match="CRM_SECRET"):
        await replica({})[0].start()


async def test_a_worker_starts_with_what_is_stored_whatever_its_own_file_says(replica: Replica, rules: Path) -> None:
    worker, _ = replica()
    with pytest.raises(StartError, match="no rulebook is in force yet"):
        await worker.start_from_store()
    await replica()[0].start()
    write(rules, "broken")

    await worker.start_from_store()

    assert condition(worker) == FILE


async def test_a_second_replica_follows_the_first_with_its_own_environment(
    replica: Replica, rules: Path, engine: AsyncEngine
) -> None:
    first, _ = replica()
    second, metrics = replica(SECRETS | {"ZOOM_SECRET": "another-replica"})
    await first.start()
    await second.start()
    async with following(engine, second):
        write(rules, OTHER)
        await first.reload()
        await until(lambda: condition(second) == OTHER, engine)

    assert second.current is not None
    assert second.current.sources["webinar"].secrets[0].value == "another-replica"
    assert gauge(metrics) == 1


async def test_a_replica_without_a_new_variable_keeps_its_rulebook_and_takes_the_next_good_one(
    replica: Replica, rules: Path, engine: AsyncEngine
) -> None:
    first, _ = replica(SECRETS | {"NEW_SECRET": "made-up"})
    second, metrics = replica()
    await first.start()
    await second.start()
    async with following(engine, second):
        write(rules, FILE.replace("${ZOOM_SECRET}", "${NEW_SECRET}"))
        await first.reload()
        await until(lambda: gauge(metrics) == 0, engine)
        assert condition(second) == FILE
        write(rules, OTHER)
        await first.reload()
        await until(lambda: gauge(metrics) == 1, engine)

    assert condition(second) == OTHER


@pytest.mark.usefixtures("waiting")
async def test_an_account_with_work_under_way_cannot_leave_the_rules(
    replica: Replica, rules: Path, engine: AsyncEngine
) -> None:
    first, metrics = replica()
    await first.start()
    write(rules, RULES + ACCOUNT % "other")

    with pytest.raises(RulebookError, match="1 enrollments of account 'main' are under way"):
        await first.reload()

    stored = await RulebookStore(engine).in_force()
    assert stored is not None
    assert (condition(first), gauge(metrics)) == (FILE, 0)
    assert "other: {token" not in stored.documents


@pytest.mark.usefixtures("waiting")
async def test_an_account_with_work_under_way_keeps_the_last_rules_in_force_at_a_start(
    replica: Replica, rules: Path
) -> None:
    await replica()[0].start()
    write(rules, RULES + ACCOUNT % "other")
    again, metrics = replica()

    assert list((await again.start()).accounts) == ["main"]
    assert gauge(metrics) == 0


async def test_an_account_without_work_may_leave_and_others_may_come(
    replica: Replica, rules: Path, engine: AsyncEngine
) -> None:
    first, _ = replica()
    second, _ = replica()
    announced: list[list[str]] = []
    second.on_swap = lambda book: announced.append(list(book.accounts))
    await first.start()
    await second.start()
    async with following(engine, second):
        write(rules, RULES + ACCOUNT % "other")
        await first.reload()
        await until(lambda: len(announced) == 2, engine)

    assert announced == [["main"], ["other"]]
    assert await RulebookStore(engine).accounts() == {"main", "other"}


async def test_two_replicas_that_reload_different_files_agree_in_the_end(
    replica: Replica, tmp_path: Path, engine: AsyncEngine
) -> None:
    files: list[Any] = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file, text in zip(files, (FILE, OTHER), strict=True):
        write(file, text)
    (first, _), (second, _) = replica(file=files[0]), replica(file=files[1])
    async with following(engine, first), following(engine, second):
        await asyncio.gather(first.start(), second.start())
        await until(lambda: condition(first) == condition(second), engine)

    stored = await RulebookStore(engine).in_force()
    assert stored is not None
    assert first.current is not None
    assert stored.revision == first.current.revision


async def test_two_reloads_at_once_leave_every_replica_with_the_later_one(
    replica: Replica, tmp_path: Path, engine: AsyncEngine
) -> None:
    other = tmp_path / "other.yaml"
    write(other, OTHER)
    (one, _), (two, _) = replica(), replica(file=other)
    for _ in range(10):
        await asyncio.gather(one.reload(), two.reload())
        await asyncio.gather(one.follow(), two.follow())
        stored = await RulebookStore(engine).in_force()
        assert stored is not None
        assert {book.revision for book in (one.current, two.current) if book} == {stored.revision}
