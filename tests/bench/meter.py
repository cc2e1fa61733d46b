"""What a service and its database spend while something happens: processor time, transactions, connections."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from app.database.engine import connect
from tests.bench.counted import counted_way
from tests.bench.usage import cpu_seconds, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.counted import CountedWay
    from tests.support.world import World

# A session reports its transactions once a second while it works; what is left when it stops, after ten seconds.
REPORTED_SECONDS = 11.0
TRANSACTIONS = "SELECT xact_commit, xact_rollback FROM pg_stat_database WHERE datname = $1"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that passed, seconds of processor time, transactions, and new connections to HubSpot."""

    seconds: float
    service: float
    postgres: float
    commits: float
    rollbacks: float
    connections: float

    @property
    def cpu(self) -> float:
        """The processor time of everything."""
        return self.service + self.postgres

    def __sub__(self, before: Spent) -> Spent:
        return Spent(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(before), strict=True)))

    def without(self, idle: Spent) -> Spent:
        """Return what is more than an idle service spends in the same time."""
        factor = self.seconds / idle.seconds
        return self - Spent(*(figure * factor for figure in astuple(idle)))

    def each(self, count: int) -> Spent:
        """Return the share of one of so many."""
        return Spent(*(figure / count for figure in astuple(self)))


class Meter:
    """Reads what the processes of a world and its database have spent so far; its own statements do not count."""

    def __init__(self, world: World, connection: Any, database: str, way: CountedWay) -> None:
        self._world = world
        self._connection = connection
        self._database = database
        self._way = way
        self.postmaster = parent_of(connection.get_server_pid())

    async def read(self) -> Spent:
        """Return the counters as they are; the difference of two readings is what was spent."""
        commits, rollbacks = await self._connection.fetchrow(TRANSACTIONS, self._database)
        service = cpu_seconds(process.pid for process in self._world.processes)
        connections = self._way.connections
        return Spent(time.monotonic(), service, cpu_seconds([self.postmaster]), commits, rollbacks, connections)


@asynccontextmanager
async def metered(server: EmbeddedPostgres, world: World) -> AsyncIterator[Meter]:
    """Yield the meter of a world whose service has not started yet: it will reach the sandbox by a way that counts."""
    # Of another database than the world's, whose transactions are counted.
    connection = await connect(make_url(server.url))
    async with counted_way(world.sandbox_url) as (url, way):
        world.environment["SEGUE_HUBSPOT_BASE_URL"] = url
        try:
            yield Meter(world, connection, str(make_url(world.database_url).database), way)
        finally:
            await connection.close()
