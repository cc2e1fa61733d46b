"""`make crash`: 1,000 events and 20 kills -9 of service and worker; then all deaths of a private database with them."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.embedded import EmbeddedPostgres
from tests.crash.deaths import DEATHS, run, run_with_deaths
from tests.support.world import World, private_world

if TYPE_CHECKING:
    from tests.support.world import Books

EVENTS = 1000
KILLS = 20
EVENTS_AMONG_DEATHS = 150


async def soak(url: str) -> int:
    """Kill service and worker beside a database that stays; print the books and return the exit code."""
    async with World(url) as world:
        return _printed(world, await run(world, events=EVENTS, kills=KILLS))


async def soak_with_deaths(data_dir: Path) -> int:
    """Kill every combination of service, worker, postmaster and backends; print the books and return the exit code."""
    async with private_world(data_dir) as world:
        return _printed(world, await run_with_deaths(world, events=EVENTS_AMONG_DEATHS, deaths=DEATHS))


def _printed(world: World, books: Books) -> int:
    for point, count in sorted(world.kills.items()):
        sys.stdout.write(f"{count:3} kills {point}\n")
    figures = {
        "events acknowledged": len(books.acknowledged),
        "enroll requests received": books.received,
        "lost": len(books.lost),
        "doubled": len(books.doubled),
        "enrolled here and never received there": len(books.pretended),
        "parked": len(books.parked),
    }
    for name, count in figures.items():
        sys.stdout.write(f"{name}: {count}\n")
    return 1 if books.lost or books.doubled or books.pretended else 0


def main() -> None:
    """Bring a database, soak, take it away again; then soak with one that dies."""
    with tempfile.TemporaryDirectory(
        prefix="segue-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:  # socket paths must be short
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres.open(Path(folder) / "data")
        try:
            code = asyncio.run(soak(server.url))
        finally:
            server.close()
        code |= asyncio.run(soak_with_deaths(Path(folder) / "dying"))
    sys.exit(code)


if __name__ == "__main__":
    main()
