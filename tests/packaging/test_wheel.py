"""The wheel has all that a command needs: an operator installs it and has no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import ROOT, Process

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which a wheel of this checkout was unpacked, as an installer does."""
    folder = tmp_path_factory.mktemp("wheel")
    building = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(building, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("segue-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str, code: int = 0) -> str:
    """Run `segue` from the wheel in another folder; return what it prints."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    ended = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_wheel_has_every_file_of_the_package(installed: Path) -> None:
    files = {path.relative_to(ROOT) for path in (ROOT / "app").rglob("*") if path.is_file()}
    wanted = {path for path in files if "__pycache__" not in path.parts}
    assert {str(path) for path in wanted if not (installed / path).is_file()} == set()


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    printed = run(installed, tmp_path, "demo", "--no-stay")
    assert "What became of each event" in printed
    assert " enrolled" in printed


def test_the_demo_reads_rules_beside_the_caller(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("version: 2\n")
    printed = run(installed, tmp_path, "demo", "--no-stay", "--rules", "own.yaml", code=2)
    assert f"{tmp_path / 'own.yaml'}:1:" in printed


@pytest.mark.parametrize("command", [["sandbox", "--port", "0"], ["serve", "--sandbox"]])
async def test_the_sandbox_runs_in_a_folder_with_another_program(
    installed: Path, tmp_path: Path, database_url: str, command: list[str]
) -> None:
    """The script that an installer makes does not look for modules in the current folder, but `python -m` does."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise ImportError('another program')\n")
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "segue"
    script.write_text("from app.__main__ import main\nmain()\n")
    environment = {"PYTHONPATH": str(installed), "SEGUE_DATABASE_URL": database_url, "SEGUE_PORT": "0"}
    started = Process([str(script), *command], environment, r"listens on http|sandbox\.started", folder=tmp_path)
    try:
        await started.wait_until_up()
    finally:
        started.end()


@pytest.mark.parametrize("arguments", ["--version", "--help", "schema", "sources", "new-key", "hubspot --help"])
def test_commands_run_from_the_wheel(installed: Path, tmp_path: Path, arguments: str) -> None:
    assert run(installed, tmp_path, *arguments.split())
