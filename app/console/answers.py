"""Pages as answers: HTML in the frame, the same model as JSON, and confirm pages."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import JSONResponse, Response

from app.console.page import Confirm
from app.console.rendering import Frame, render
from app.masking import masked_text, masked_value
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.console.page import FormError, Page, Visit
    from app.console.signin.visitor import Visitor

NOTHING: Mapping[str, str] = MappingProxyType({})


def lives(page: Page, model: Any) -> int | None:
    """Return after how many seconds a page refreshes itself; not where its model says that it is `over`."""
    return None if getattr(model, "over", False) else page.live


def page_answer(page: Page, model: Any, visit: Visit, frame: Frame) -> Response:
    """Return a page with its model; what a page answers itself, a file for instance, stays as it is.

    A question that only a form can ask comes with the fields of that form.
    """
    if isinstance(model, Confirm):
        status = 422 if model.error else 200
        return confirm_answer(visit.visitor, frame, visit.path, model, status, values=visit.form, error=model.error)
    return model if isinstance(model, Response) else html_answer(page.template, visit.visitor, frame, page=model)


def confirm_answer(
    visitor: Visitor,
    frame: Frame,
    action: str,
    confirm: Confirm,
    status: int,
    *,
    values: Mapping[str, str] = NOTHING,
    again: bool = False,
    error: FormError | None = None,
) -> Response:
    """Return a confirm page. `values` are the fields as they were sent, `again` that more match than were shown."""
    return html_answer(
        "confirm.html",
        visitor,
        frame,
        status=status,
        page=confirm,
        action=confirm.action or action,
        values=values,
        again=again,
        error=error,
    )


def html_answer(template: str, visitor: Visitor, frame: Frame, *, status: int = 200, **values: Any) -> Response:
    """Return a page. A viewer's has every address masked, wherever it stands; all others are masked by the pages."""
    html = render(template, frame=frame, now=frame.now, zone=frame.zone, **values)
    if visitor.role is Role.VIEWER:
        html = masked_text(html)
    return Response(html, status, media_type="text/html")


def as_json(model: Any) -> bytes:
    """Return a page's model as JSON. Its figures may be those of a payload, which have any size."""
    try:
        return orjson.dumps(model, default=str)
    except TypeError:  # orjson takes no integer beyond 64 bits
        return json.dumps(asdict(model), default=_as_text, ensure_ascii=False).encode()


def _as_text(value: Any) -> str:
    text: str = getattr(value, "isoformat", value.__str__)()
    return text


def json_answer(model: Any, visitor: Visitor) -> Response:
    """Return a page's model. A viewer's has every address masked."""
    body = as_json(model)
    if visitor.role is Role.VIEWER:
        return JSONResponse(masked_value(orjson.loads(body)))
    return Response(body, media_type="application/json")
