"""Real binaries, real processes, a folder of its own for each test: its path is short, as a socket's must be."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from app.database.embedded import EmbeddedPostgres
from app.database.embedded.layout import Layout
from app.database.embedded.pid_file import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[3]


class Holds(Protocol):
    def __call__(self, data_dir: Path, *arguments: str, **environment: str) -> tuple[subprocess.Popen[str], str]: ...


@pytest.fixture
def folder() -> Iterator[Path]:
    yield from _folder()


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    for made in _folder():
        EmbeddedPostgres.open(made / "data").close()
        yield made / "data"


@pytest.fixture
def data_dir(folder: Path, template: Path) -> Iterator[Path]:
    """A data directory whose database exists and does not run."""
    copy = folder / "data"
    subprocess.run(  # fixed words
        ["/bin/cp", "-Rp", template, copy],
        check=True,
    )
    yield copy
    _end(running(Layout.of(copy)))


@pytest.fixture
def ask() -> Callable[[str, str], Any]:
    """Run one statement at a URL and return the first value of the first row."""

    def asked(url: str, statement: str) -> Any:
        return asyncio.run(_value(url, statement))

    return asked


@pytest.fixture
def holds() -> Iterator[Holds]:
    """Start another process that holds a data directory; return it and the line it printed."""
    started: list[subprocess.Popen[str]] = []

    def held(data_dir: Path, *arguments: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
        holder = subprocess.Popen(  # our own script
            [sys.executable, REPOSITORY / "tests/database/embedded/holder.py", data_dir, *arguments],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(holder)
        assert holder.stdout
        return holder, holder.stdout.readline().strip()

    yield held
    for holder in started:
        holder.communicate(timeout=300)


def _folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sg-", dir="/tmp")).resolve()
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def _value(url: str, statement: str) -> Any:
    dsn = make_url(url).set(drivername="postgresql").render_as_string()
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def _end(server: Any) -> None:
    if server is not None:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGQUIT)
