"""Keep the private database running while a process needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.errors import StartError

if TYPE_CHECKING:
    from app.database.embedded.supervisor import EmbeddedPostgres

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0


def keep_running(server: EmbeddedPostgres) -> None:
    """Start the private database again if it has ended by itself (killed, out of memory). Blocks while it starts.

    It is called every `CHECK_SECONDS`.
    """
    try:
        if server.revive():
            log.error("database.started_again")
    except StartError as error:
        log.error("database.not_started", error=str(error))  # noqa: TRY400  # the message says what to do
