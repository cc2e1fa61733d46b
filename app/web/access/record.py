"""What remains of an operator's request: a line of the log, and a row of the audit log where no store wrote one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from app.audit.store import DONE, FAILED, REFUSED
from app.errors import Busy
from app.masking import masked_text, masked_value
from app.operators import Role
from app.web.access.attempts import Budget
from app.web.access.gate import REFUSALS_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message, Send

    from app.audit.act import Act
    from app.web.access.gate import Entry, Turned

SERVER_ERROR, CLIENT_ERROR = 500, 400
METRICS = "/metrics"  # it is scraped every few seconds, and names no person: no line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes down requests, after their answer has gone out. `write` stores an act that no store has noted.

    `budget` bounds what people without a token are refused.
    """

    write: Callable[..., Awaitable[None]]
    budget: Budget = field(default_factory=lambda: Budget(REFUSALS_PER_MINUTE))

    async def answered(self, entry: Entry, path: str, status: int) -> None:
        """Write down a request that was let in and answered."""
        if path != METRICS:
            changes = entry.route is not None and entry.route.changes
            await self.acted(entry.act, status, changes=changes)

    async def acted(self, act: Act, status: int, *, changes: bool) -> None:
        """Write down an act that was answered. `changes` says that it is one of those that change something."""
        log.info("admin.request", who=act.who, role=act.role, route=act.what, status=status, address=act.origin)
        if changes and (status >= CLIENT_ERROR or not act.noted):
            await self._write(act, _outcome(status), status)

    async def turned(self, turned: Turned) -> None:
        """Write down a request that was not let in."""
        if turned.act is not None:
            await self._write(turned.act, REFUSED, turned.problem.status)

    async def refused(self, act: Act, status: int) -> None:
        """Write down what a person with an install link was refused."""
        if self.budget.spend(act.what, time.monotonic()):
            await self._write(act, REFUSED, status)

    async def _write(self, act: Act, outcome: str, status: int) -> None:
        try:
            await self.write(act, outcome, status=status)
        except Busy as error:
            log.error("audit.not_written", who=act.who, what=act.what, outcome=outcome, error=str(error))  # noqa: TRY400  # the store's trouble, and no defect


def _outcome(status: int) -> str:
    if status >= SERVER_ERROR:
        return FAILED
    return REFUSED if status >= CLIENT_ERROR else DONE


class Masking:
    """Passes an answer on as the role of its token may see it: a viewer gets it with every address masked.

    It holds a viewer's answer back until it is whole. `status` is that of the answer.
    """

    def __init__(self, send: Send, role: Role, path: str) -> None:
        self._send = send
        self._masks = role is Role.VIEWER and path.startswith("/api/")
        self._start: Message = {}
        self._body = bytearray()
        self.status = SERVER_ERROR

    async def __call__(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        if not self._masks:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_masked()

    async def _send_masked(self) -> None:
        body = masked_body(bytes(self._body))
        length = (b"content-length", str(len(body)).encode())
        kept = [header for header in self._start["headers"] if header[0] != b"content-length"]
        await self._send({**self._start, "headers": [*kept, *([length] if body else [])]})
        await self._send({"type": "http.response.body", "body": body})


def masked_body(body: bytes) -> bytes:
    """Return a body with its addresses masked: JSON by its values, anything else as text."""
    try:
        value: Any = json.loads(body)
    except ValueError:
        return masked_text(body.decode("utf-8", "replace")).encode() if body else b""
    return json.dumps(masked_value(value), ensure_ascii=False, separators=(",", ":")).encode()
