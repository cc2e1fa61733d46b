"""Practice: the HubSpot emulator as a child process, and the wall between practice and real leads."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from app.errors import StartError
from app.variables import FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from app.model import Account

SANDBOX = "sandbox"
TOKEN = "pat-sandbox"  # noqa: S105  # the emulator's own, worth nothing
TOKEN_VARIABLE = "SEGUE_HUBSPOT_TOKEN"  # noqa: S105  # the name of a variable

log = structlog.get_logger(__name__)


def practice_accounts(accounts: Mapping[str, Account]) -> dict[str, Account]:
    """Return the emulator's accounts in place of those that the rules name: as many, each by itself.

    A name in the rules cannot have a colon in it, so that no real account is taken for practice.
    """
    if len(accounts) == 1:
        return {key: replace(account, name=SANDBOX, token=TOKEN, oauth=False) for key, account in accounts.items()}
    return {
        key: replace(account, name=f"{SANDBOX}:{key}", token=f"{TOKEN}-{key}", oauth=False)
        for key, account in accounts.items()
    }


def practice_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the emulator's token in place of the real one, so that rules may name it unset."""
    return {name: value for name, value in environment.items() if name != f"{TOKEN_VARIABLE}{FILE}"} | {
        TOKEN_VARIABLE: TOKEN
    }


def is_practice(account: str) -> bool:
    """Tell whether an account of this name is the emulator's."""
    return account.partition(":")[0] == SANDBOX


async def start_sandbox(stack: AsyncExitStack) -> str:
    """Start the HubSpot emulator as a child process that ends with this one; return its URL."""
    arguments = ("-m", "app.sandbox", "--port", "0", "--parent", str(os.getpid()))
    # `-m` looks for `app` in the current folder first, which may be that of another program.
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    stack.push_async_callback(_end, child)
    line = (await child.stdout.readline()).decode() if child.stdout else ""
    found = re.search(r"http://\S+", line)
    if found is None:
        raise StartError("the sandbox does not start: run `segue sandbox` to see why")
    log.info("sandbox.started", url=found.group())
    return found.group().rstrip("/")


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.terminate()
    await child.wait()


def require_apart(known: set[str], *, practice: bool) -> None:
    """Raise StartError where practice and real leads would share a database; `known` are the accounts it has seen."""
    practised = {account for account in known if is_practice(account)}
    if (practised and not practice) or (known - practised and practice):
        was, is_ = ("used for real", "practice") if practice else ("practised on", "real")
        raise StartError(
            f"this database was {was}, and this would be {is_}: rules and enrollments of both must not share one; "
            "use another SEGUE_DATA_DIR or SEGUE_DATABASE_URL; `--sandbox` says that it is practice"
        )
