"""Real processes of tests: started, watched by what they say, killed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


ROOT = Path(__file__).parents[2]
FOR_ALL = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT}
WATCHDOG_SECONDS = 300  # far more than a busy machine takes; events end a wait, and this only ends a test that hangs


def is_stopped(pid: int) -> bool:
    """Say whether a process is stopped by a signal. Where it has ended, its number may be a running one's by now."""
    if sys.platform != "linux":
        state = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return state.stdout.startswith("T")
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return line.rpartition(")")[2].split()[0] == "T"


class Process:
    """One program, with all processes that it forks, whose first interesting line says that it is up."""

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        up: str,
        *,
        program: str = sys.executable,
        folder: Path = ROOT,
    ) -> None:
        self._output = tempfile.NamedTemporaryFile(prefix="segue-crash-", suffix=".log")  # noqa: SIM115  # closed in `end`
        self._child = subprocess.Popen(
            [program, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.arguments = arguments
        self._up = re.compile(up)
        self.found: re.Match[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def part(self) -> str:
        """Which part of Segue it is."""
        return "service" if "serve" in self.arguments else "worker"

    def log(self) -> str:
        """Return what it has said."""
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    async def wait_until_up(self) -> re.Match[str]:
        """Wait for its first interesting line."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while self.found is None:
                assert self._child.poll() is None, self.log()[-3000:]
                self.found = self._up.search(self.log())
                await asyncio.sleep(0.02)
        return self.found

    async def wait_for(self, message: str, *, times: int = 1) -> None:
        """Wait until it has said this so many times."""
        async with asyncio.timeout(WATCHDOG_SECONDS):
            while self.log().count(message) < times:
                assert self._child.poll() is None, self.log()[-3000:]
                await asyncio.sleep(0.02)

    def send(self, number: int) -> None:
        """Send it a signal: what freezes or kills reaches all its processes, anything else its first one."""
        if self._child.poll() is not None:
            return
        if number in FOR_ALL:
            os.killpg(self._child.pid, number)
        else:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill it, -9."""
        self.end(signal.SIGKILL)

    def ended(self) -> int:
        """Wait until it has ended; return its exit code."""
        return self._child.wait(timeout=WATCHDOG_SECONDS)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it and wait for it."""
        self.send(number)
        self._child.wait(timeout=WATCHDOG_SECONDS)
        self._output.close()


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
