"""README's steps for real leads, followed word by word in a folder that holds nothing but a checkout."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from tests.support.commands import secrets
from tests.support.processes import ROOT, Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

README = (ROOT / "README.md").read_text(encoding="utf-8")
STEPS = README[README.index("For real leads,") : README.index("| you want | you do |")]
BLOCKS = [
    [line.removeprefix("$ ").partition("  #")[0].strip() for line in block.splitlines()]
    for block in re.findall(r"```console\n(.*?)```", STEPS, re.DOTALL)
]
(SEGUE,) = re.findall(r"`segue` stands for `([^`]+)`", STEPS)


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A folder with what README's commands name of a checkout. Its path is short, for the private database's socket."""
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name in ("app", "deploy", ".env.example"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(sys.prefix)
        yield folder


@pytest.fixture
async def hubspot() -> AsyncIterator[str]:
    """The sandbox as a process of its own, which stands in for HubSpot; its URL."""
    sandbox = Process(["-m", "app.sandbox", "--port", "0"], {}, r"http://\S+")
    try:
        yield (await sandbox.wait_until_up()).group()
    finally:
        sandbox.end()


def script(*commands: str) -> list[str]:
    """A shell that runs the commands and ends with the first one that fails; `exec` lets signals reach the last one."""
    return ["-c", "\n".join(["set -eu", *(re.sub(r"^segue\b", SEGUE, command) for command in commands)])]


def follow(folder: Path, commands: list[str], *, terminal: str = "") -> str:
    """Run commands as an operator types them, who answers `terminal` to what is asked; return what they print."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "w") as keys, os.fdopen(theirs) as stdin:
        keys.write(terminal)
        keys.flush()
        ended = subprocess.run(
            ["/bin/sh", *script(*commands)],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def fill_in(folder: Path, **values: str) -> None:
    """Set variables in `.env`, each in the line that has its name there."""
    path = folder / ".env"
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text, found = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert found == 1, f".env.example has no line for {name}"
    path.write_text(text, encoding="utf-8")


def secrets_of(rules: Path) -> dict[str, str]:
    """The variables that the sources of the rules name, each with a secret of the kind that its provider takes."""
    known = secrets()
    sources = yaml.safe_load(rules.read_text(encoding="utf-8"))["sources"].values()
    return {
        re.sub(r"\W", "", name): known[f"{source['provider'].upper().replace('-', '_')}_SECRET"]
        for source in sources
        for name in source["secrets"]
    }


async def test_the_steps_for_real_leads_end_with_a_service_that_enrolls(checkout: Path, hubspot: str) -> None:
    prepare, (*before, serve), (try_out,) = BLOCKS
    (credential,) = re.findall(r"In `\.env`, set `(\w+)`", STEPS)
    await asyncio.to_thread(follow, checkout, prepare)
    fill_in(checkout, **{credential: "pat-sandbox"}, **secrets_of(checkout / "rules.yaml"))
    fill_in(checkout, SEGUE_HUBSPOT_BASE_URL=hubspot, SEGUE_DATA_DIR=str(checkout / "data"), SEGUE_PORT="0")
    assert "token accepted: it is the token of HubSpot account" in await asyncio.to_thread(follow, checkout, before)

    assert (serve, "segue doctor" in before) == ("segue serve", True)
    serving = script(*before[:-1], f"exec {SEGUE} serve")
    service = Process(serving, {}, r'"ports":\[(\d+)\]', program="/bin/sh", folder=checkout)
    try:
        fill_in(checkout, SEGUE_PORT=(await service.wait_until_up()).group(1))
        tried = await asyncio.to_thread(follow, checkout, [try_out], terminal="y\n")
        async with asyncio.timeout(300), httpx.AsyncClient(base_url=hubspot, trust_env=False) as client:
            while not (entries := (await client.get("/_sandbox/ledger")).json()):
                pass
    finally:
        service.end()
    assert "answered 200" in tried
    assert [f"--email {entry['email']} " in try_out for entry in entries] == [True]
