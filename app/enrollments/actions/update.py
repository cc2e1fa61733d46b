"""`update`: write the contact, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.enrollments.actions.base import Action

if TYPE_CHECKING:
    from app.enrollments.actions.base import Tools
    from app.model import Enrollment


async def perform(enrollment: Enrollment, tools: Tools) -> str:
    """Write the contact."""
    return f"contact {await tools.preparer.update(enrollment)} was written"


ACTION = Action(perform)
