"""PostgreSQL's data directory: its version, and a new one that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.database.embedded.layout import NAME
from app.errors import StartError

if TYPE_CHECKING:
    import subprocess

    from app.database.embedded.binaries import Binaries
    from app.database.embedded.layout import Layout
    from app.database.embedded.server_user import ServerUser

INITDB_OPTIONS = (f"--username={NAME}", "--encoding=UTF8", "--locale=C", "--auth=trust", "--data-checksums")


def major_version(layout: Layout, user: ServerUser) -> int | None:
    """Return the major version that made the data directory, None when there is none yet."""
    if not layout.pgdata.is_dir() or not any(layout.pgdata.iterdir()):
        return None
    owner = layout.pgdata.stat().st_uid
    if owner != user.uid:
        raise StartError(
            f"{layout.pgdata} belongs to user {owner}, and the server would run as user {user.uid}; run Segue as that "
            f"user, or hand the folder over: chown -R {user.uid}:{user.gid} {layout.pgdata}",
        )
    try:
        return int((layout.pgdata / "PG_VERSION").read_text().strip())
    except (FileNotFoundError, ValueError):
        raise StartError(
            f"{layout.pgdata} is not a PostgreSQL data directory; move it away, or set another SEGUE_DATA_DIR",
        ) from None


def create_cluster(layout: Layout, binaries: Binaries, user: ServerUser) -> None:
    """Make the data directory and its database under another name, then rename it: a crash leaves nothing half-made."""
    for leftover in layout.root.glob("postgres.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # A leftover that cannot be removed does no harm.
    staging = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=layout.root))
    try:
        user.own(staging)
        _require(user.run([binaries.folder / "initdb", *INITDB_OPTIONS, "-D", staging]), layout)
        single_user: list[str | Path] = [binaries.folder / "postgres", "--single", "-D", staging, "postgres"]
        _require(user.run(single_user, typed=f"CREATE DATABASE {NAME}\n"), layout)
        staging.rename(layout.pgdata)
        sync_folder(layout.root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require(ended: subprocess.CompletedProcess[str], layout: Layout) -> None:
    """Raise StartError unless `ended` succeeded: PostgreSQL's single-user mode reports an error with status 0."""
    if ended.returncode == 0 and "ERROR:" not in ended.stderr:
        return
    output = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-5:]
    program = Path(ended.args[0]).name
    raise StartError(
        f"cannot make a database in {layout.root}: {program} ended with status {ended.returncode}: "
        + " | ".join(line.strip() for line in output)
        + "; check free disk space and that PostgreSQL's user may write there",
    )


def sync_folder(folder: Path) -> None:
    """Write the folder's entries to disk, so that a rename in it is durable before data follows."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
