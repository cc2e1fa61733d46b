"""A kept delivery as a page shows it: its head without secrets, its body with addresses masked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.payload import MOST_LINES, Payload, Segment, payload_lines
from app.errors import Unreadable
from app.masking import masked_text, printable
from app.sources.redaction import PIECES
from app.sources.sample_files import FORM
from app.sources.strict_json import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from app.intake.rejected_store import StoredDelivery

SEPARATORS = frozenset("/?&=#")


@dataclass(frozen=True, slots=True)
class KeptDelivery:
    """What is kept of a delivery. `cut` says that its body went on."""

    id: str
    at: datetime
    status: int
    reason: str
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: Payload
    bytes: int
    cut: bool


def shown_delivery(stored: StoredDelivery, hide: Callable[[Any], Any]) -> KeptDelivery:
    """Return a kept delivery as it is shown; `hide` takes secrets out of a text."""
    one = stored.delivery

    def clean(text: str) -> str:
        return printable(masked_text(str(hide(text))))

    return KeptDelivery(
        id=one.id,
        at=one.received_at,
        status=stored.status,
        reason=stored.reason or "",
        method=one.method,
        url=printable(_masked_pieces(str(hide(one.url)))),
        headers=[(name, clean(value)) for name, value in sorted(one.headers.items())],
        body=_body(one.body, one.headers.get("content-type", ""), hide),
        bytes=len(one.body),
        cut=stored.cut,
    )


def _body(body: bytes, content_type: str, hide: Callable[[Any], Any]) -> Payload:
    """Return the lines of a body: JSON by its values, a form by its fields, anything else as text."""
    try:
        return payload_lines(hide(parse(body)))
    except Unreadable:
        text = str(hide(body.decode("utf-8", "replace")))
    is_form = content_type.lower().startswith(FORM)
    text = _masked_pieces(text).replace("&", "\n&") if is_form else masked_text(text)
    lines = printable(text).splitlines()
    return Payload(tuple((Segment(line, "text"),) for line in lines[:MOST_LINES]), cut=len(lines) > MOST_LINES)


def _masked_pieces(text: str) -> str:
    """Return a URL, or a form, with its addresses masked: what separates its parts is of no address."""
    return "".join(piece if piece in SEPARATORS else masked_text(piece) for piece in PIECES.split(text))
