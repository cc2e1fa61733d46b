"""Logs: events with facts, not sentences; ours and those of libraries through one handler.

The names: delivery.accepted, .duplicate, .filtered, .handshake, .refused · decision.made · decisions.made ·
enrollment.step, .intervened, .fence_lost, .lease_lost, .not_recorded, .not_confirmed, .defect ·
hubspot.call, .throttled · oauth.begun, .given_up, .connected, .not_connected, .renewed, .no_token, .revoked,
.not_revoked, .rotated, .undecipherable · event.decided_again ·
rulebook.loaded, .restored, .rejected, .not_followed, .defect · worker.took_over, .draining, .store_trouble, .trouble,
.defect · store.unavailable, .delivery_refused, .batch_repeated, .workers_not_told, .defect ·
database.opened, .outdated, .started_again, .not_started · service.started, .stopping ·
process.started, .ended, .started_again, .not_started, .defect ·
admin.request, .refused · audit.not_written · tokens.changed, .rejected.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import logging
import os
import re
import select
import sys
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import orjson
import structlog

from app.masking import printable

if TYPE_CHECKING:
    from collections.abc import MutableMapping

# Bounded, and matched at the start of a word only, so that the time stays linear in the length of untrusted text.
_ADDRESS = re.compile(r"(?<![^\s@<>\"'])[^\s@<>\"']{1,256}@[^\s@<>\"']{1,256}")
# Without the values of variables, which contain bodies, headers and secrets.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_SECRET_NAMES = frozenset({"email", "token", "secret", "secrets", "authorization", "password", "body", "headers"})
_LIBRARIES = ("uvicorn", "uvicorn.error", "sqlalchemy", "alembic", "asyncio")
_LEVELS = {"exception": "error", "warn": "warning"}  # methods that are not named as the level at which they log
_PATIENT = frozenset({"debug", "info"})
_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_SILENCED = ("python_multipart",)  # the log of the rejected delivery says what it warns of


def masked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values that should never have been logged. This is a safety net: callers must not log them."""
    for name, value in event.items():
        if name in _SECRET_NAMES:
            event[name] = "<masked>"
        elif type(value) is str and "@" in value:
            event[name] = _ADDRESS.sub("<address>", value)
    return event


def hash_email(address: str, key: bytes) -> str:
    """Return 16 hexadecimal characters that stand for `address` under `key` (up to 64 bytes).

    Logs hold this hash instead of the address: the same person can be followed, and is not named.
    """
    normal = address.strip().lower().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(normal, key=key[:64], digest_size=8).hexdigest()


class Unfailing:
    """A stream of lines without which a service goes on: a line that cannot be written is dropped.

    A full disk, or a reader of a pipe that has gone, must neither end the process nor keep a delivery from its answer.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, line: Any) -> None:
        """Write a line."""
        try:
            self._stream.write(line)
        except OSError:  # it cannot be logged
            return

    def flush(self) -> None:
        """Pass on what the stream has kept."""
        try:
            self._stream.flush()
        except OSError:  # the stream keeps it, and tries again with the next line
            return


def configure(*, form: str, level: str, stream: TextIO = sys.stdout) -> None:
    """Send all logs to `stream`: `form` is json, console, or auto (console on a terminal)."""
    console = form == "console" or (form == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        masked,
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    # JSON is written as bytes where the stream accepts them, which spares the hot path an encoding step.
    raw = None if console else getattr(stream, "buffer", None)
    filtering = structlog.make_filtering_bound_logger(number)
    lines = _Lines(Unfailing(raw)) if raw else None
    unfailing: Any = Unfailing(stream)
    structlog.configure(
        processors=[*shared, *_rendering(console=console)],
        wrapper_class=_to_lines(filtering, lines) if lines else filtering,
        logger_factory=structlog.WriteLoggerFactory(unfailing),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(shared, number, stream, console=console)


def _rendering(*, console: bool) -> list[structlog.typing.Processor]:
    if console:
        traceback = structlog.dev.plain_traceback
        return [
            _printable,
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=traceback),
            _line_masked,
        ]
    return [_TRACEBACKS, _exception_masked, structlog.processors.JSONRenderer(serializer=_text)]


class _Lines:
    """Writes the lines of one turn of the event loop together: a line alone costs more to write than to make.

    Outside of an event loop a line is written at once, and so is a warning or worse with all that waits. What waits is
    written before a fork and at the end of the process; a process that is killed loses the lines of one turn.
    """

    def __init__(self, stream: Unfailing) -> None:
        self._stream = stream
        # Other threads log as well: a deque loses nothing between them.
        self._waiting: deque[bytes] = deque()
        self._ending: asyncio.AbstractEventLoop | None = None  # the loop that writes at the end of its turn
        atexit.register(self.write)
        os.register_at_fork(before=self.write)

    def add(self, line: bytes, *, urgent: bool) -> None:
        """Write a line when this turn ends, or at once where it is urgent."""
        self._waiting.append(line)
        if urgent or not self._written_later():
            self.write()

    def _written_later(self) -> bool:
        # The running loop is not asked for again: Python makes a system call to find it.
        if (ending := self._ending) is not None and not ending.is_closed():
            return True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop runs in this thread
            return False
        self._ending = loop
        loop.call_soon(self.write)
        return True

    def write(self) -> None:
        """Write what waits."""
        self._ending = None
        part = bytearray()
        while self._waiting:
            line = self._waiting.popleft()
            # The system keeps so many bytes whole; more could be mixed with what other processes write.
            if part and len(part) + len(line) > select.PIPE_BUF:
                self._write(part)
                part = bytearray()
            part += line
        if part:
            self._write(part)

    def _write(self, part: bytearray) -> None:
        self._stream.write(part)
        self._stream.flush()


def _to_lines(filtering: type[Any], lines: _Lines) -> type[Any]:
    """Return a class of loggers that come to the same as the chain of processors, in a third of its time."""

    class _Logger(filtering):  # type: ignore[misc]  # structlog makes the class
        def _proxy_to_logger(self, method_name: str, event: str | None = None, **facts: Any) -> None:
            if self._context:
                facts = {**self._context, **facts}
            facts["event"] = event
            lines.add(_json_line(method_name, facts), urgent=method_name not in _PATIENT)

    return _Logger


def _json_line(method: str, event: MutableMapping[str, Any]) -> bytes:
    """Return an event as a line: every stored delivery logs two or more."""
    event = structlog.contextvars.merge_contextvars(None, method, event)
    event["level"] = _LEVELS.get(method, method)
    event["timestamp"] = datetime.now(UTC)
    if event.get("exc_info"):
        event = _exception_masked(None, method, _TRACEBACKS(None, method, event))
    line = orjson.dumps(event, default=str, option=_LINE)
    if b"@" in line or not _SECRET_NAMES.isdisjoint(event):
        line = orjson.dumps(masked(None, method, event), default=str, option=_LINE)
    return line


def _printable(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what a terminal would obey; JSON does so by itself."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _line_masked(_: Any, __: str, line: Any) -> Any:
    return _without_addresses(line)


def _exception_masked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask addresses in the messages of exceptions: PostgreSQL and the driver quote values."""
    if "exception" in event:
        event["exception"] = _without_addresses(event["exception"])
    return event


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub("<address>", value)
    if isinstance(value, list):
        return [_without_addresses(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_addresses(item) for name, item in value.items()}
    return value


def _text(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def _adopt_libraries(shared: list[structlog.typing.Processor], level: int, stream: TextIO, *, console: bool) -> None:
    handler = logging.StreamHandler(stream)
    rendering = _rendering(console=console)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
