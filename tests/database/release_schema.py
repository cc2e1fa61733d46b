"""Keep what a release made: its tables with a few rows in each, and its statements.

`make release` runs this when a version is released; the files stay in `releases`, and tests upgrade each of them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import orjson
from sqlalchemy import make_url

from app import __version__
from app.database.backup.programs import newest_programs
from app.database.downgrade import RELEASES, releases
from app.database.engine import driver_sql
from app.database.migrate import head
from tests.backup.conftest import execute, fill
from tests.database.test_plans import STATEMENTS
from tests.support.postgres import Databases, shared_server

# A migration draws these keys at random; what one version writes is the same each time.
FIX_KEYS = """
    UPDATE installation SET value = sha256(convert_to(name, 'UTF8')) || substr(value, 33)
    WHERE name IN ('forgotten_inner', 'forgotten_outer')
"""
FOLDER = Path(__file__).with_name("releases")
# What only psql reads, and settings of the session that wrote it.
LEFT_OUT = re.compile(r"^(\\.*|SET .*|SELECT pg_catalog\.set_config.*|--.*)\n", re.MULTILINE)


def dump(url: str) -> str:
    """Return a database as SQL that any connection executes."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = ("--no-owner", "--no-privileges", "--column-inserts", "--rows-per-insert=100")
    command: list[str | Path] = [newest_programs().folder / "pg_dump", *options, plain]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(r"\n{2,}", "\n", LEFT_OUT.sub("", written)).lstrip()


def keep(version: str, folder: Path = FOLDER) -> None:
    """Write the files of this version."""
    with shared_server() as server, Databases(server, "release") as databases, databases.database() as url:
        fill(url)
        execute(url, FIX_KEYS)
        (folder / f"{version}.sql").write_text(dump(url), encoding="utf-8")
    statements = {name: driver_sql(statement)[0] for name, statement in sorted(STATEMENTS.items())}
    indented = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (folder / f"{version}.statements.json").write_bytes(orjson.dumps(statements, option=indented))


if __name__ == "__main__":
    keep(__version__)
    known = {**releases(), __version__: head()}
    RELEASES.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
