"""The PostgreSQL that tests share: one server for all test processes, and databases copied from a migrated one.

Nothing that is stored here outlives the tests, so the server is spared every write that makes data durable. Tests of
durability (tests/database/embedded, tests/crash) kill their own servers and processes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.engine import make_url

from app.database.embedded.binaries import find_binaries
from app.database.embedded.cluster import create_cluster
from app.database.embedded.layout import NAME, SOCKET_NAME, Layout
from app.database.embedded.postmaster import stop, wait_until_ready
from app.database.embedded.server_user import choose_user
from app.database.engine import connect
from app.database.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")  # noqa: S108  # a file system in memory, where the system has one
ENOUGH_MEMORY = 4 * 1024**3  # bytes: many databases of 8 MB exist at the same time
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "log_min_error_statement": "panic",
}


@contextmanager
def shared_server() -> Iterator[str]:
    """Run a server that holds the migrated template; give its URL."""
    folder = Path(tempfile.mkdtemp(prefix="segue-", dir=_place()))
    folder.chmod(0o755)
    binaries_folder = Path(tempfile.mkdtemp(prefix="segue-"))  # programs may not run from a file system in memory
    binaries_folder.chmod(0o755)
    layout, user = Layout.of(folder), choose_user(folder / "postgres")
    user.own(folder)
    binaries = find_binaries(user, binaries_folder / "binaries", None)
    create_cluster(layout, binaries, user)
    options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    command: list[str | Path] = [
        binaries.folder / "postgres",
        "-D",
        layout.pgdata,
        f"-cunix_socket_directories={folder}",
        *options,
    ]
    with layout.log.open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **user.process_options())
    try:
        assert wait_until_ready(layout, child), layout.log.read_text()
        url = f"postgresql+asyncpg://{NAME}@/{NAME}?host={folder}&port={SOCKET_NAME.rpartition('.')[2]}"
        asyncio.run(_make_template(url))
        yield url
    finally:
        stop(layout, child.pid, child)
        child.wait()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(binaries_folder, ignore_errors=True)


def _place() -> Path:
    """Return a folder for the server whose path is short: paths of sockets are limited to about 100 bytes."""
    in_memory = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
    return MEMORY if in_memory else Path("/tmp")  # noqa: S108  # short, and the folder made in it belongs to the server


async def _make_template(url: str) -> None:
    connection = await connect(make_url(url))
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(make_url(url).set(database=TEMPLATE))


class Databases:
    """Makes and drops databases on the shared server, over one connection that a thread of its own keeps open.

    Fixtures run on the event loop of one test each, which the connection outlives.
    """

    def __init__(self, url: str, prefix: str) -> None:
        """`prefix` keeps the names of several test processes apart."""
        self.url = url
        self._names = (f"{prefix}_{number}" for number in itertools.count(1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="databases", daemon=True)
        self._connection: Any = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._connection = self._run(connect(make_url(self.url), command_timeout=None))
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def database(self, *, template: str | None = None) -> Iterator[str]:
        """Make a database, empty or a copy of `template`; give its URL; drop it in the end."""
        name = next(self._names)
        copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        self._run(self._connection.execute(f"CREATE DATABASE {name}{copied}"))
        yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        self._run(self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
