"""Practice: the HubSpot emulator as a child process, and the wall between practice and real leads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from app.errors import StartError
from app.variables import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@contextmanager
def running_sandbox() -> Iterator[str]:
    """Run the HubSpot emulator as a child process, which ends with this one; yield its URL. Raises StartError."""
    arguments = ("-m", "app.sandbox", "--port", "0", "--parent", str(os.getpid()))
    # `-m` looks for `app` in the current folder first, which may be that of another program.
    folder = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, cwd=folder) as child:  # noqa: S603  # our own interpreter and module
        try:
            line = child.stdout.readline().decode() if child.stdout else ""
            found = re.search(r"http://\S+", line)
            if found is None:
                raise StartError("the sandbox does not start: run `segue sandbox` to see why")
            log.info("sandbox.started", url=found.group())
            yield found.group().rstrip("/")
        finally:
            child.terminate()


def require_apart(known: set[str], *, practice: bool) -> None:
    """Raise StartError where practice and real leads would share a database; `known` are the accounts it has seen."""
    practised = {account for account in known if is_practice(account)}
    if (practised and not practice) or (known - practised and practice):
        was, is_ = ("used for real", "practice") if practice else ("practised on", "real")
        raise StartError(
            f"this database was {was}, and this would be {is_}: rules and enrollments of both must not share one; "
            "use another SEGUE_DATA_DIR or SEGUE_DATABASE_URL; `--sandbox` says that it is practice"
        )
