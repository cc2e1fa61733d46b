"""`POST /-/reload`: check the rules file and put it in force, or list every mistake and leave what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends

from app.errors import RulebookError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.rules.book import Rulebook


def router(reload: Callable[[], Awaitable[Rulebook]], *, authorised: Callable[..., Any]) -> APIRouter:
    """Return the operator's routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(tags=["admin"], dependencies=[Depends(authorised)])

    @routes.post("/-/reload", summary="Check the rules file and put it in force")
    async def reload_rules() -> dict[str, Any]:
        try:
            book = await reload()
        except RulebookError as error:
            raise problem_of(error) from error
        return {"revision": book.revision, "rules": len(book.rules), "sources": len(book.sources)}

    return routes


def problem_of(error: RulebookError) -> Exception:
    """Return the problem document of a rejected rulebook."""
    raise NotImplementedError(str(error))
