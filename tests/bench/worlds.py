"""What most measurements begin with: a database of its own, a sandbox, and signed events."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url, text

from app.database.engine import open_engine
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from tests.bench.load import prepared
from tests.support.world import LONG, RULES, SECRET, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import URL

    from app.database.embedded import EmbeddedPostgres

# One sender may send 1,000 in 24 hours: two share the work.
SHARED = f"""  ben: {{user_id: "7002", email: ben@acme.example}}
pools: {{both: {{senders: [anna, ben]}}}}
rules:
  - {{id: shared, source: crm, type: shared, enroll: {{sequence: "{LONG}", sender: both}}}}
"""
SOURCE = SourceConfig("crm", "standard-webhooks", (Secret(SECRET),), PROVIDERS["standard-webhooks"].Options())


def signed(number: int, kind: str, prefix: str, *, source: SourceConfig = SOURCE) -> bytes:
    """Return one signed event of about 900 bytes, ready to send."""
    data = {"email": f"{prefix}{number}@bench.example", "first_name": "Ada", "score": 80, "note": "x" * 700}
    return posted(json.dumps({"type": kind, "data": data}).encode(), source)


def posted(body: bytes, source: SourceConfig) -> bytes:
    """Return the signed POST of a body."""
    path = f"/webhooks/{source.name}"
    url = f"http://127.0.0.1{path}"
    headers = PROVIDERS[source.provider].sign(body, source, datetime.now(UTC), method="POST", url=url)
    return prepared(path, body, {"Content-Type": "application/json", **headers})


def share(world: World) -> None:
    """Give the world a rule whose work two senders share."""
    write_rules(world, RULES.replace("rules:\n", SHARED))


def write_rules(world: World, rules: str) -> None:
    """Give the world these rules; its service reads them at its start."""
    Path(world.environment["SEGUE_CONFIG"]).write_text(rules, encoding="utf-8")


async def database(server: EmbeddedPostgres, name: str, *, commit_ms: int = 0) -> URL:
    """Make a database; `commit_ms` is how much longer than the disk each commit takes there."""
    statements = [f"CREATE DATABASE bench_{name}"]
    for setting, value in (("commit_delay", 1000 * commit_ms), ("commit_siblings", 0)):
        statements.append(f"ALTER DATABASE bench_{name} SET {setting} = {value}")
    await _administer(server, statements)
    return make_url(server.url).set(database=f"bench_{name}")


def world_on(url: URL, *, sandbox: str = "app.sandbox") -> World:
    """Return a world whose replicas have the lease and the settling time that are the default."""
    return World(url.render_as_string(hide_password=False), lease=15.0, settle=90.0, sandbox=sandbox)


@asynccontextmanager
async def fresh_world(
    server: EmbeddedPostgres, name: str, *, sandbox: str = "app.sandbox", commit_ms: int = 0
) -> AsyncIterator[World]:
    """Yield a world with a database of its own, which is dropped afterwards: it would keep the autovacuum busy."""
    async with world_on(await database(server, name, commit_ms=commit_ms), sandbox=sandbox) as world:
        yield world
    await dropped(server, name)


async def dropped(server: EmbeddedPostgres, name: str) -> None:
    """Drop a database."""
    await _administer(server, [f"DROP DATABASE bench_{name} WITH (FORCE)"])


async def _administer(server: EmbeddedPostgres, statements: list[str]) -> None:
    engine = open_engine(server.url, pool_size=1)
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            await plain.execute(text(statement))
    await engine.dispose()
