"""Senders, put together: how those of the rules in force stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses

if TYPE_CHECKING:
    from app.process import Process


def sender_status(process: Process) -> SenderStatuses:
    """Return how the senders of the rules in force stand."""
    return SenderStatuses(SenderPauseStore(process.engine), lambda: process.rulebook.book)
