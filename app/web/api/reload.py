"""`POST /-/reload`: check the rules file and put it in force, or list every mistake and leave what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.database.engine import busy_when_gone
from app.errors import RulebookError
from app.web.access.routes import FOR_ADMINS
from app.web.auth import ANSWERS
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

MISTAKES: dict[int | str, dict[str, Any]] = {
    422: {"description": "The file has mistakes, all listed, or a parameter was given; nothing has changed"}
}


class Reloaded(BaseModel, json_schema_extra={"example": {"revision": "4f2c9a10be77", "rules": 12, "sources": 3}}):
    """What is in force now: its revision, which decisions record, and how much it holds."""

    revision: str
    rules: int
    sources: int


def routes(process: Process) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["admin"], responses=ANSWERS | MISTAKES)

    @router.post(
        "/-/reload",
        summary="Check the rules file and put it in force",
        response_model=Reloaded,
        openapi_extra=FOR_ADMINS,
    )
    async def reload_rules() -> dict[str, Any]:
        try:
            with busy_when_gone():
                book = await process.rulebook.reload()
        except RulebookError as error:
            raise _rejected(error) from error
        return {"revision": book.revision, "rules": len(book.rules), "sources": len(book.sources)}

    return router


def _rejected(error: RulebookError) -> Problem:
    mistakes = [{"file": m.file, "line": m.line, "column": m.column, "message": m.message} for m in error.mistakes]
    detail = "The rules were rejected; the ones in force stay in force."
    return Problem(422, "rules-rejected", detail, mistakes=mistakes)
