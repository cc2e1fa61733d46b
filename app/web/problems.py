"""RFC 9457 problem documents: what went wrong, for a program by `type`, for a person by `detail`."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
TYPES = "https://segue.example/problems#"
# RFC 9110 (11.6.1): every 401 says how to authenticate. RFC 6750 (3): `Bearer` has at least one parameter.
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="segue"'}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document (RFC 9457)",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "mistakes": {"type": "array", "items": {"type": "object"}},
    },
    "example": {
        "type": f"{TYPES}invalid-request",
        "title": HTTPStatus(422).phrase,
        "status": 422,
        "detail": "The request's parameters are not valid.",
        "mistakes": [{"where": "query.emial", "what": "there is no such parameter"}],
    },
}

RENAMED = {413: "content-too-large"}  # Python before 3.13 has an older name for it

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An error in the answer to an operator's request. `kind` is the stable name in its `type`."""

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status = status
        self.kind = kind
        self.detail = detail
        self.more = more

    def response(self) -> JSONResponse:
        """Return the problem document."""
        return document(self.status, self.kind, self.detail, headers=self.headers, **self.more)


def document(
    status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return one problem document as a response."""
    title = HTTPStatus(status).phrase
    body = {"type": TYPES + kind, "title": title, "status": status, "detail": detail, **more}
    challenge = CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(body, status, challenge | dict(headers or {}), media_type=MEDIA_TYPE)


def describe_problems(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document that every refusal is a problem document, FastAPI's own 422 included."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status.startswith("4") or (status == "503" and "security" in operation):
                    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def add_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document; nothing shows a traceback."""

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return document(503, "busy", str(error), headers={"Retry-After": str(error.retry_after)})

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        kind = RENAMED.get(error.status_code) or HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return document(error.status_code, kind, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        mistakes = [{"where": ".".join(map(str, m["loc"])), "what": m["msg"]} for m in error.errors()]
        return document(422, "invalid-request", "The request's parameters are not valid.", mistakes=mistakes)

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> JSONResponse:
        instance = f"urn:uuid:{uuid.uuid4()}"
        log.error("web.defect", instance=instance, exc_info=error)
        detail = "Something went wrong here; the log says more under this instance."
        return document(500, "defect", detail, instance=instance)
