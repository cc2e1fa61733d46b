"""`POST /-/reload`: check the rules file and put it in force, or list every mistake and leave what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from app.errors import RulebookError
from app.web.auth import ANSWERS, known_parameters
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.rules.rulebook import Rulebook


class Reloaded(BaseModel):
    """What is in force now: its revision, which decisions record, and how much it holds."""

    model_config = ConfigDict(json_schema_extra={"example": {"revision": "4f2c9a10be77", "rules": 12, "sources": 3}})

    revision: str
    rules: int
    sources: int


def router(reload: Callable[[], Awaitable[Rulebook]], *, authorised: Callable[..., None]) -> APIRouter:
    """Return the operator's routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(tags=["admin"], dependencies=[Depends(authorised), Depends(known_parameters)])

    @routes.post(
        "/-/reload",
        summary="Check the rules file and put it in force",
        response_model=Reloaded,
        responses={
            **ANSWERS,
            422: {"description": "The file has mistakes, all listed, or a parameter was given; nothing has changed"},
        },
    )
    async def reload_rules() -> dict[str, Any]:
        try:
            book = await reload()
        except RulebookError as error:
            mistakes = [
                {"file": m.file, "line": m.line, "column": m.column, "message": m.message} for m in error.mistakes
            ]
            told = "The rules were rejected; the ones in force stay in force."
            raise Problem(422, "rules-rejected", told, mistakes=mistakes) from error
        return {"revision": book.revision, "rules": len(book.rules), "sources": len(book.sources)}

    return routes
