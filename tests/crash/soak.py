"""`make crash`: at least 1,000 events and 20 kills -9 of service and worker, on a private PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from app.database.embedded import EmbeddedPostgres
from tests.crash.harness import World, run

EVENTS = 1000
KILLS = 20


async def soak(url: str) -> int:
    """Run, print the books, and return the exit code."""
    async with World(url) as world:
        books = await run(world, events=EVENTS, kills=KILLS)
        for point, count in sorted(world.kills.items()):
            sys.stdout.write(f"{count:3} kills {point}\n")
    told = {
        "events acknowledged": len(books.acknowledged),
        "enroll requests received": books.received,
        "lost": len(books.lost),
        "doubled": len(books.doubled),
        "enrolled here and never received there": len(books.pretended),
        "parked": len(books.parked),
    }
    for name, count in told.items():
        sys.stdout.write(f"{name}: {count}\n")
    return 1 if books.lost or books.doubled or books.pretended else 0


def main() -> None:
    """Bring a database, soak, and take it away again."""
    with tempfile.TemporaryDirectory(
        prefix="segue-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:  # socket paths must be short
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres.open(Path(folder) / "data")
        try:
            code = asyncio.run(soak(server.url))
        finally:
            server.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
