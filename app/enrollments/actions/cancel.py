"""`cancel`: end what waits for the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(enrollment: Enrollment, tools: Tools) -> str:
    """Cancel what was accepted for the person earlier and has not been sent."""
    cancelled, _ = await tools.store.cancel_earlier(enrollment)
    return f"{cancelled} that waited were cancelled"


ACTION = Action(perform)
