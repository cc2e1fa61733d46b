"""The operators' tokens in force. Those of a file are read again while the service runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from app.errors import VariableError
from app.operators import Token, found, read_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "SEGUE_TOKENS"
AGAIN_SECONDS = 1.0
UNREADABLE = "\0"  # no text of tokens: what comes next is looked at anew

log = structlog.get_logger(__name__)


class Tokens:
    """The tokens that `read` returns, which is asked again when a caller comes, once a second at most.

    What cannot be used is logged once, and the tokens before it stay in force.
    """

    def __init__(self, read: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._variable = read
        self._clock = clock
        self._text: str | None = None
        self._trouble: str | None = None
        self._tokens: tuple[Token, ...] = ()
        self._next = clock()
        self.refresh()

    @property
    def any(self) -> bool:
        """Whether a token is configured; without one the operators' routes are closed."""
        self.refresh()
        return bool(self._tokens)

    def of(self, digest: bytes) -> Token | None:
        """Return the token with this digest, None where there is none."""
        self.refresh()
        return found(self._tokens, digest)

    def current(self) -> tuple[Token, ...]:
        """Return the tokens in force."""
        self.refresh()
        return self._tokens

    def refresh(self) -> None:
        """Read the tokens again where a second has passed since."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + AGAIN_SECONDS
        try:
            text = self._variable(NAME) or ""
        except VariableError as error:
            self._reject(str(error))
            self._text = UNREADABLE
            return
        if text != self._text:
            first, self._text = self._text is None, text
            self._take(text, first=first)

    def _take(self, text: str, *, first: bool) -> None:
        try:
            self._tokens = read_tokens(text)
        except ValueError as error:
            self._reject(f"{NAME}: {error}")
            return
        self._trouble = None
        if not first:
            log.info("tokens.changed", names=sorted({token.name for token in self._tokens}))

    def _reject(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.error("tokens.rejected", error=trouble, follows="the tokens before stay in force")
