"""Build the status of the senders for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses

if TYPE_CHECKING:
    from app.process import Process


def sender_status(process: Process) -> SenderStatuses:
    """Build the status of the senders of the rulebook in force."""
    return SenderStatuses(SenderPauseStore(process.engine), lambda: process.rulebook.current)
