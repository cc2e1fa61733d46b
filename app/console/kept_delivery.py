"""A kept delivery as a page shows it, without secrets: its head with addresses masked, or the whole. Pure."""

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

SEPARATORS = frozenset("/?&=#")  # of a URL: they are of no address


@dataclass(frozen=True, slots=True)
class KeptDelivery:
    """What is kept of a delivery; `body` is None where only its head is shown, with addresses masked.

    `cut` says that its body went on.
    """

    id: str
    at: datetime
    status: int
    reason: str
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: Payload | None
    bytes: int
    cut: bool


def shown_delivery(stored: StoredDelivery, hide: Callable[[Any], Any], *, whole: bool) -> KeptDelivery:
    """Return a kept delivery as it is shown, the `whole` or its head; `hide` takes secrets out of a text."""
    one = stored.delivery

    def clean(text: str) -> str:
        hidden = str(hide(text))
        return printable(hidden if whole else masked_text(hidden))

    return KeptDelivery(
        id=one.id,
        at=one.received_at,
        status=stored.status,
        reason=stored.reason or "",
        method=one.method,
        url="".join(piece if piece in SEPARATORS else clean(piece) for piece in PIECES.split(str(hide(one.url)))),
        headers=[(name, clean(value)) for name, value in sorted(one.headers.items())],
        body=_body(one.body, one.headers.get("content-type", ""), hide) if whole else None,
        bytes=len(one.body),
        cut=stored.cut,
    )


def _body(body: bytes, content_type: str, hide: Callable[[Any], Any]) -> Payload:
    """Return the lines of a body: JSON by its values, a form by its fields, anything else as text."""
    try:
        return payload_lines(hide(parse(body)), masked=False)
    except Unreadable:
        text = str(hide(body.decode("utf-8", "replace")))
    is_form = content_type.lower().startswith(FORM)
    lines = printable(text.replace("&", "\n&") if is_form else text).splitlines()
    return Payload(tuple((Segment(line, "text"),) for line in lines[:MOST_LINES]), cut=len(lines) > MOST_LINES)
