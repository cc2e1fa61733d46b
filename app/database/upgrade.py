"""Alembic's part of a migration. Alembic takes 60 ms and 7 MB: only a process that migrates imports this module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection


def configuration() -> Config:
    """Return Alembic's configuration; the migrations are in the folder beside this module."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def downgrade(connection: Connection, revision: str) -> None:
    """Take the database back to `revision`, in the transaction of `connection`."""
    config = configuration()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to `revision` that the database lacks, in the transaction of `connection`."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
