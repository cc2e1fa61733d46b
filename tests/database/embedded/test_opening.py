"""The private database is opened while something else happens, and closed with the block."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from app.database.embedded import EmbeddedPostgres, find
from app.database.embedded.wiring import opening
from app.errors import StartError
from app.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings


def settings(data_dir: Path, **more: str) -> Settings:
    return load_settings({"SEGUE_DATA_DIR": str(data_dir), **more})


def test_the_block_gets_the_open_server_and_no_thread_is_left_to_fork(data_dir: Path) -> None:
    with opening(settings(data_dir), practice=False) as opened:
        server = opened()
        assert server is not None
        assert find(data_dir) == server.url
        for thread in threading.enumerate():
            if thread.name.startswith("database_"):
                thread.join()
    assert find(data_dir) is None


def test_a_block_that_fails_before_it_asks_leaves_no_server(data_dir: Path) -> None:
    with pytest.raises(LookupError), opening(settings(data_dir), practice=False):
        raise LookupError
    assert find(data_dir) is None
    EmbeddedPostgres.open(data_dir).close()


@pytest.mark.parametrize("waits", [True, False])
def test_a_stop_while_the_service_starts_leaves_no_server(data_dir: Path, *, waits: bool) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def start() -> None:
        with opening(settings(data_dir), practice=False) as opened:
            if waits:
                opened()
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 128 + signal.SIGTERM
    assert find(data_dir) is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_block_learns_why_the_server_cannot_be_opened(data_dir: Path) -> None:
    held = EmbeddedPostgres.open(data_dir)
    with pytest.raises(StartError, match="already uses"), opening(settings(data_dir), practice=False) as opened:
        opened()
    assert find(data_dir) == held.url
    held.close()


def test_nothing_is_opened_where_the_operator_names_a_database(data_dir: Path) -> None:
    named = settings(data_dir, SEGUE_DATABASE_URL="postgresql://segue@127.0.0.1:1/segue")
    with opening(named, practice=False) as opened:
        assert opened() is None
        assert find(data_dir) is None
