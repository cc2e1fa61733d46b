"""The rulebook in force: check, then swap. On any mistake the last good one stays, on every replica and over a restart.

Its text is kept in PostgreSQL with `${ENV}` unexpanded. One replica reloads from its file and stores the text; the
others are told, load it and expand their own environment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.errors import Mistake, RulebookError, StartError
from app.rules.book import Rulebook, documents_to_text, text_to_documents
from app.store.database import first_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from app.metrics import Metrics
    from app.model import Endpoint, OutboundKind
    from app.rules.book import Document
    from app.store.rulebooks import Rulebooks, StoredRulebook

POLL_SECONDS = 10.0

log = structlog.get_logger(__name__)


class RulebookInForce:
    """Holds the rulebook in force in this process. `read` returns the operator's file, `load` makes a Rulebook of it.

    Both run off the event loop: ten thousand rules take a while to compile. `unfinished` counts the enrollments under
    way of all accounts but the ones it is given. `swapped` is told of every rulebook that comes in force.
    """

    def __init__(
        self,
        rulebooks: Rulebooks,
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
        self._changed = asyncio.Event()
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

    def changed(self) -> None:
        """Look at the store soon: another replica put a rulebook in force."""
        self._changed.set()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Follow the store until `stopping`: at once when told, every 10 s otherwise."""
        ended = asyncio.create_task(stopping.wait())
        while not stopping.is_set():
            told = asyncio.create_task(self._changed.wait())
            await asyncio.wait({told, ended}, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            self._changed.clear()
            if not stopping.is_set():
                await self._look()

    async def _look(self) -> None:
        async with self._turn:
            try:
                stored = await self._rulebooks.in_force()
                if stored is not None and stored.number > self._number:
                    await self._follow_stored(stored)
            except RulebookError as error:
                # This number is not tried again: its text will not change, the next one's will.
                self._number = stored.number if stored else self._number
                self._metrics.reload_failed()
                log.error("rulebook.rejected", mistakes=[str(mistake) for mistake in error.mistakes])  # noqa: TRY400  # as above
            except (SQLAlchemyError, OSError) as error:
                log.warning("rulebook.not_followed", error=first_line(error))
            except Exception:
                # Whoever stops following decides by old rules for ever, and nobody would notice.
                log.exception("rulebook.defect")

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
