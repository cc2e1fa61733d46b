"""The rulebook in force: check, then swap. On any mistake the last good one stays, on every replica and over a restart.

Its text is kept in PostgreSQL with `${ENV}` unexpanded. One replica reloads from its file and stores the text; the
others are told, load it and expand their own environment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from app.errors import Mistake, RulebookError, StartError
from app.rules.rulebook import Rulebook, documents_to_text, text_to_documents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from app.model import Endpoint, OutboundKind
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Document
    from app.rules.store import RulebookStore, StoredRulebook

log = structlog.get_logger(__name__)


class ActiveRulebook:
    """Holds the rulebook in force in this process. `read` returns the operator's file, `load` makes a Rulebook of it.

    Both run off the event loop: ten thousand rules take a while to compile. `unfinished` counts the enrollments under
    way of all accounts but the ones it is given. `swapped` is told of every rulebook that comes in force.
    """

    def __init__(
        self,
        rulebooks: RulebookStore,
        *,
        read: Callable[[], tuple[Document, ...]],
        load: Callable[[tuple[Document, ...]], Rulebook],
        unfinished: Callable[[Collection[str]], Awaitable[Mapping[str, int]]],
        metrics: Metrics,
    ) -> None:
        self._rulebooks = rulebooks
        self._read = read
        self._load = load
        self._unfinished = unfinished
        self._metrics = metrics
        self._number = 0
        self._turn = asyncio.Lock()
        self.book: Rulebook | None = None
        self.swapped: Callable[[Rulebook], None] = lambda _: None

    async def start(self) -> Rulebook:
        """Put the file in force; with mistakes in it, the stored last good one; with neither, raise StartError."""
        try:
            return await self.reload()
        except RulebookError as mistakes:
            stored = await self._rulebooks.in_force()
            if stored is None:
                raise StartError(f"the rules cannot be used, and no earlier ones are stored:\n{mistakes}") from mistakes
        book = await self._fall_back(stored)
        self._metrics.reload_failed()  # What is in force is good; what the operator wrote is not, and that must show.
        return book

    async def start_from_store(self) -> Rulebook:
        """Load what another process put in force; raise StartError when there is nothing yet."""
        stored = await self._rulebooks.in_force()
        if stored is None:
            raise StartError("no rulebook is in force yet: start `segue serve` with the rules first")
        return await self._fall_back(stored)

    async def _fall_back(self, stored: StoredRulebook) -> Rulebook:
        try:
            book = await self._follow_stored(stored)
        except RulebookError as mistakes:
            raise StartError(f"the stored rules (revision {stored.revision}) cannot be used:\n{mistakes}") from mistakes
        log.info("rulebook.restored", revision=stored.revision)
        return book

    async def reload(self) -> Rulebook:
        """Check the file, store it, swap; raises RulebookError with all mistakes, and nothing has changed then."""
        async with self._turn:
            try:
                documents = await asyncio.to_thread(self._read)
                book = await asyncio.to_thread(self._load, documents)
                await self._require_nobody_left(book)
            except RulebookError as error:
                self._metrics.reload_failed()
                log.error("rulebook.rejected", mistakes=[str(mistake) for mistake in error.mistakes])  # noqa: TRY400  # the mistakes are the report; a traceback tells nothing
                raise
            text = documents_to_text(documents)
            self._swap(book, await self._rulebooks.put_in_force(book.revision, text, accounts=_names(book)))
            return book

    def told(self, kind: OutboundKind, account: str) -> tuple[str, ...]:
        """Return the endpoints that are told of this kind of event in this account, by the rules in force."""
        return self.book.told(kind, account) if self.book else ()

    def endpoints(self) -> Mapping[str, Endpoint]:
        """Return the endpoints of the rules in force."""
        return self.book.endpoints if self.book else {}

    async def follow(self) -> None:
        """Load what another replica put in force since; what raises of the store is raised unchanged."""
        async with self._turn:
            stored = None
            try:
                stored = await self._rulebooks.in_force()
                if stored is not None and stored.number > self._number:
                    await self._follow_stored(stored)
            except RulebookError as error:
                # This number is not tried again: its text will not change, the next one's will.
                self._number = stored.number if stored else self._number
                self._metrics.reload_failed()
                log.error("rulebook.rejected", mistakes=[str(mistake) for mistake in error.mistakes])  # noqa: TRY400  # as above

    async def _follow_stored(self, stored: StoredRulebook) -> Rulebook:
        book = await asyncio.to_thread(self._load, text_to_documents(stored.documents))
        self._swap(book, stored.number)
        return book

    async def _require_nobody_left(self, book: Rulebook) -> None:
        """Refuse rules that drop an account with work under way: renaming it would leave people behind, unnoticed."""
        file = book.documents[0].file if book.documents else "rules"
        left = await self._unfinished(_names(book))
        told = (
            f"accounts: {count} enrollments of account {account!r} are under way, and nobody would go on with them: "
            "keep the account under this name, or let them end, or cancel them first"
            for account, count in left.items()
        )
        if left:
            raise RulebookError(tuple(Mistake(file, 1, 1, sentence) for sentence in told))

    def _swap(self, book: Rulebook, number: int) -> None:
        self.book = book
        self._number = number
        self.swapped(book)
        self._metrics.reload_succeeded(book.revision)
        log.info("rulebook.loaded", revision=book.revision, rules=len(book.rules), sources=len(book.sources))


def _names(book: Rulebook) -> list[str]:
    return sorted(account.name for account in book.accounts.values())
