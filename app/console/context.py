"""What the pages of one process have: the process, and the connections that they read by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.console.person_links import PersonLinks
    from app.console.signin.sessions import Sessions
    from app.process import Process


@dataclass(frozen=True, slots=True)
class Console:
    """The process, and `reads`: connections of the pages' own, whose statements end after two seconds.

    So no page, however often it is asked for, takes a connection from deliveries and enrollments, or holds one long.
    What changes something goes by the engine of the process, as it does from the API. `links` lead to people's pages.
    """

    process: Process
    reads: AsyncEngine
    sessions: Sessions
    links: PersonLinks
