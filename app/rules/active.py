"""The rulebook in force: check, then swap. On any mistake the last good one stays, on every replica and over a restart.

Its text is kept in PostgreSQL with `${ENV}` unexpanded. One replica reloads from its file and stores the text; the
others are notified, load it and expand their own environment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from app.audit.act import acting, current, system_act
from app.database.engine import STORE_TROUBLE, first_line
from app.errors import Mistake, RulebookError, StartError
from app.rules.file.documents import documents_to_text, text_to_documents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from app.model import Endpoint, OutboundKind
    from app.observability.metrics import Metrics
    from app.rules.file.documents import Document
    from app.rules.rulebook import Rulebook
    from app.rules.store import RulebookStore, StoredRulebook

log = structlog.get_logger(__name__)


class ActiveRulebook:
    """Holds the rulebook in force in this process, `current`, None before the first one.

    `read` returns the operator's file, `load` compiles it. Both run off the event loop: ten thousand rules take a while
    to compile. `unfinished` counts the unfinished enrollments of all accounts but those that it receives. `on_swap`
    receives every rulebook that comes in force. `on_same_text` is called after a reload of the text that was in force:
    no other process follows it, and the variables that the text names may have new values.
    """

    def __init__(
        self,
        store: RulebookStore,
        *,
        read: Callable[[], tuple[Document, ...]],
        load: Callable[[tuple[Document, ...]], Rulebook],
        unfinished: Callable[[Collection[str]], Awaitable[Mapping[str, int]]],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._read = read
        self._load = load
        self._unfinished = unfinished
        self._metrics = metrics
        self.number = 0
        self._lock = asyncio.Lock()
        self.current: Rulebook | None = None
        self.on_swap: Callable[[Rulebook], None] = lambda _: None
        self.on_same_text: Callable[[], None] = lambda: None

    async def start(self) -> Rulebook:
        """Put the file in force; with mistakes in it, the stored last good one; with neither, raise StartError."""
        try:
            return await self.reload()
        except RulebookError as mistakes:
            stored = await self._store.in_force()
            if stored is None:
                raise StartError(f"the rules cannot be used, and no earlier ones are stored:\n{mistakes}") from mistakes
        rulebook = await self._fall_back(stored)
        # The stored rulebook works; the operator's file does not, and the metric must show that.
        self._metrics.reload_failed()
        return rulebook

    async def start_from_store(self) -> Rulebook:
        """Load what another process put in force; raise StartError when there is nothing yet."""
        stored = await self._store.in_force()
        if stored is None:
            raise StartError("no rulebook is in force yet: start `segue serve` with the rules first")
        return await self._fall_back(stored)

    async def _fall_back(self, stored: StoredRulebook) -> Rulebook:
        try:
            rulebook = await self._follow_stored(stored)
        except RulebookError as mistakes:
            raise StartError(f"the stored rules (revision {stored.revision}) cannot be used:\n{mistakes}") from mistakes
        log.info("rulebook.restored", revision=stored.revision)
        return rulebook

    async def reload(self) -> Rulebook:
        """Check the file, store it, swap. Raises RulebookError with all mistakes; nothing has changed then."""
        async with self._lock:
            try:
                rulebook = await self._checked()
            except RulebookError as error:
                self._metrics.reload_failed()
                log.error("rulebook.rejected", mistakes=[str(mistake) for mistake in error.mistakes])  # noqa: TRY400  # the mistakes are the report; a traceback adds nothing
                await self._keep_rejected(error)
                raise
            text = documents_to_text(rulebook.documents)
            before = self.number
            # Where neither a request nor a command asked for it, a start or a signal did.
            with acting(current() or system_act("rules put in force")):
                accounts = _account_names(rulebook)
                self._swap(rulebook, await self._store.put_in_force(rulebook.revision, text, accounts=accounts))
            if self.number == before:
                self.on_same_text()
            return rulebook

    async def foreseen(self) -> Rulebook:
        """Return what a reload would put in force now, and change nothing. Raises RulebookError as a reload would."""
        async with self._lock:  # one at a time, as reloads are
            return await self._checked()

    async def _checked(self) -> Rulebook:
        rulebook = await asyncio.to_thread(lambda: self._load(self._read()))
        await self._require_no_orphans(rulebook)
        return rulebook

    def endpoints_for(self, kind: OutboundKind, account: str) -> tuple[str, ...]:
        """Return the names of the endpoints that receive this kind of event of this account."""
        return self.current.endpoints_for(kind, account) if self.current else ()

    def endpoints(self) -> Mapping[str, Endpoint]:
        """Return the endpoints of the rules in force."""
        return self.current.endpoints if self.current else {}

    async def resume(self, rulebook: Rulebook, number: int) -> None:
        """Start with the rulebook that the parent process loaded, or with one that was put in force since."""
        self.current, self.number = rulebook, number
        await self.follow()

    async def follow(self, *, anew: bool = False) -> None:
        """Load what another replica has put in force since. Errors of the store are raised unchanged.

        `anew` also loads the rulebook in force once more, for its variables may have new values.
        """
        async with self._lock:
            stored = None
            try:
                stored = await self._store.in_force()
                if stored is not None and (anew or stored.number > self.number):
                    await self._follow_stored(stored)
            except RulebookError as error:
                # This number is not tried again: its text never changes.
                self.number = stored.number if stored else self.number
                self._metrics.reload_failed()
                log.error("rulebook.rejected", mistakes=[str(mistake) for mistake in error.mistakes])  # noqa: TRY400  # as above
                await self._keep_rejected(error)

    async def _keep_rejected(self, error: RulebookError) -> None:
        """Store the mistakes for operators. Without the store they stand in the log alone."""
        try:
            await self._store.reject(error.mistakes)
        except STORE_TROUBLE as trouble:
            log.warning("rulebook.rejection_not_kept", error=first_line(trouble))

    async def _follow_stored(self, stored: StoredRulebook) -> Rulebook:
        rulebook = await asyncio.to_thread(self._load, text_to_documents(stored.documents))
        self._swap(rulebook, stored.number)
        return rulebook

    async def _require_no_orphans(self, rulebook: Rulebook) -> None:
        """Refuse rules that drop an account with unfinished enrollments: after a rename no worker would finish them."""
        file = rulebook.documents[0].file if rulebook.documents else "rules"
        orphans = await self._unfinished(_account_names(rulebook))
        messages = (
            f"accounts: {count} enrollments of account {account!r} are under way, and no worker would go on with them: "
            "keep the account under this name, or let them end, or cancel them first"
            for account, count in orphans.items()
        )
        if orphans:
            raise RulebookError(tuple(Mistake(file, 1, 1, message) for message in messages))

    def _swap(self, rulebook: Rulebook, number: int) -> None:
        self.current = rulebook
        self.number = number
        self.on_swap(rulebook)
        self._metrics.reload_succeeded(rulebook.revision)
        log.info(
            "rulebook.loaded", revision=rulebook.revision, rules=len(rulebook.rules), sources=len(rulebook.sources)
        )


def _account_names(rulebook: Rulebook) -> list[str]:
    return sorted(account.name for account in rulebook.accounts.values())
