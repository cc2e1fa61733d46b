"""Senders, put together: how those of the rules in force stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.senders.pause_store import SenderBooks
from app.senders.status import Standings

if TYPE_CHECKING:
    from app.process import Process


def sender_status(process: Process) -> Standings:
    """Return how the senders of the rules in force stand."""
    return Standings(SenderBooks(process.engine), lambda: process.rulebook.book)
