"""What the processes of a world have logged, and the names that journeys share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.world import World

TOKEN = "made-up-0123456789abcdefghijklmnopqrstuv"
HOOK_SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
REVISIONS = "SELECT revision FROM decisions ORDER BY id"


def rules_file(world: World) -> Path:
    return Path(world.environment["SEGUE_CONFIG"])


def lines(world: World, number: int = 0) -> list[dict[str, Any]]:
    """What a process has logged."""
    return [json.loads(line) for line in world.processes[number].log().splitlines() if line.startswith("{")]


async def logged(world: World, event: str, number: int = 0, *, times: int = 1) -> list[dict[str, Any]]:
    """Wait until a process has logged an event so many times."""

    async def there() -> bool:
        return len(found(world, event, number)) >= times

    await world.until(there, what=f"{event} in the log")
    return found(world, event, number)


def found(world: World, event: str, number: int) -> list[dict[str, Any]]:
    return [line for line in lines(world, number) if line["event"] == event]
