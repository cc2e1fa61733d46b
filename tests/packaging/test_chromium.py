"""Installing a browser for tests: it is looked for first, and no machine stops because it cannot have one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "deploy/chromium.sh"
# Stand-ins for the programs that the script runs: each writes down how it was called, and may give a browser.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >>"{folder}/calls"
case "$(basename "$0") $*" in
    *tests.support.chromium) test -e "{folder}/browser" ;;
    {gives}) touch "{folder}/browser" ;;
    {fails}) exit 100 ;;
    "id -u") echo {user} ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with the script alone, whose PATH has nothing but what the script needs."""
    for folder in ("deploy", ".venv/bin", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "deploy")
    for name in ("sh", "dirname", "basename", "touch"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    return tmp_path


def run(machine: Path, *programs: str, gives: str = "never", fails: str = "never", user: int = 0, **more: str) -> str:
    """Run the script where these programs are installed; return what it says."""
    for name in ("id", *programs):
        _program(machine / "bin" / name, gives, fails, user)
    _program(machine / ".venv/bin/python", gives, fails, user)
    environment = {**os.environ, "PATH": str(machine / "bin"), **more}
    environment = {name: value for name, value in environment.items() if name != "CHROMIUM" or name in more}
    done = subprocess.run(
        ["/bin/sh", machine / "deploy/chromium.sh"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def _program(path: Path, gives: str, fails: str, user: int) -> None:
    path.write_text(
        PROGRAM.format(folder=path.parents[2 if "venv" in str(path) else 1], gives=gives, fails=fails, user=user)
    )
    path.chmod(0o755)


def installed(machine: Path) -> list[str]:
    """Return what was called besides looking."""
    file = machine / "calls"
    calls = file.read_text().splitlines() if file.exists() else []
    return [call for call in calls if "tests.support" not in call and not call.startswith("id")]


def test_where_a_browser_is_nothing_is_installed(machine: Path) -> None:
    (machine / "browser").touch()
    assert run(machine, "apt-get") == ""
    assert installed(machine) == []


def test_a_browser_that_is_named_is_enough(machine: Path) -> None:
    assert run(machine, "apt-get", CHROMIUM="/opt/chromium") == ""
    assert installed(machine) == []


def test_root_installs_by_apt(machine: Path) -> None:
    said = run(machine, "apt-get", gives="apt-get*install*chromium*")
    assert said == "chromium: installing one for the browser tests\n"
    update, install = installed(machine)
    assert update.startswith("apt-get update")
    assert install.endswith("--no-install-recommends chromium fonts-liberation")


@pytest.mark.parametrize(
    ("programs", "user", "fails"),
    [(("apt-get",), 1000, "never"), ((), 0, "never"), (("apt-get",), 0, "apt-get*"), (("apt-get",), 0, "never")],
    ids=["not root", "no apt", "apt fails", "apt gives none"],
)
def test_otherwise_playwright_installs_its_own(machine: Path, programs: tuple[str, ...], user: int, fails: str) -> None:
    run(machine, *programs, user=user, fails=fails, gives="python*playwright*")
    assert installed(machine)[-1] == "python -m playwright install chromium"


def test_where_none_can_be_had_one_line_says_so(machine: Path) -> None:
    said = run(machine, "apt-get", fails='"python -m playwright"*|apt-get*')
    assert said.splitlines()[1:] == [
        "chromium: none was found, and none could be installed; browser tests will not run (CHROMIUM=path names one)"
    ]


def browser_tests(ci: str) -> subprocess.CompletedProcess[str]:
    """Run a browser test where there is no browser."""
    environment = {**os.environ, "CHROMIUM": "/nowhere/chromium", "CI": ci}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/browser/test_frame.py"]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_the_last_lines_say_that_browser_tests_did_not_run() -> None:
    done = browser_tests(ci="")
    assert done.returncode == 0
    assert re.search(r"NOT RUN: \d+ browser tests: there is no Chromium", done.stdout.splitlines()[-2])


def test_where_ci_is_set_browser_tests_must_run() -> None:
    done = browser_tests(ci="true")
    assert done.returncode == 1
    assert "there is no Chromium" in done.stdout
