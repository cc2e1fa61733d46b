"""Build what decides stored events again: for a process, and for a command beside one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.audit.store import AuditStore
from app.database.engine import busy_when_gone
from app.errors import Busy
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.redecide import BY_RESEND, Redecider
from app.intake.redecide_store import RedecideStore
from app.intake.send_sample import SampleSender
from app.rules.match import heard
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.intake.decided_again import DecidedAgain
    from app.model import Event
    from app.observability.metrics import Metrics
    from app.process import Process
    from app.rules.rulebook import Rulebook


async def redecider(
    process: Process, *, within: AsyncConnection | None = None, engine: AsyncEngine | None = None
) -> Redecider:
    """Return what decides again in a process, by its rulebook in force; before there is one it raises Busy.

    `within` is a transaction in which all is done, `engine` has other connections than the process's for it. Raises
    Busy while the database cannot be reached.
    """

    def book() -> Rulebook:
        if process.rulebook.current is None:
            raise Busy("no_rulebook", "no rulebook is loaded yet")
        return process.rulebook.current

    with busy_when_gone():
        hash_email = await process.hasher()
    return open_redecider(engine or process.engine, book, hash_email=hash_email, metrics=process.metrics, within=within)


def open_redecider(
    engine: AsyncEngine,
    book: Callable[[], Rulebook],
    *,
    hash_email: Callable[[str], str],
    metrics: Metrics,
    within: AsyncConnection | None = None,
) -> Redecider:
    """Return what decides again by `book`: each event in a transaction of its own, or `within` one."""
    decider = Decider(new_id=Ids(), hash_email=hash_email, metrics=metrics)
    return Redecider(RedecideStore(engine, within=within), decider, book=book, is_thin=is_thin)


def resent(redecider: Redecider) -> Callable[[str], Awaitable[DecidedAgain | None]]:
    """Return what decides an event that its tool has sent again."""
    return partial(redecider.event, by=BY_RESEND)


def is_thin(event: Event, book: Rulebook) -> bool:
    """Tell whether an event carries no address, and its tool can be asked for what a rule that listens needs."""
    source = book.sources.get(event.source)
    if source is None or event.email is not None or not heard(event, book):
        return False
    return PROVIDERS[source.provider].lookup(event, source) is not None


def sample_sender(process: Process, new_id: Callable[[str], str]) -> SampleSender:
    """Return what sends samples through the intake of this process. Raises Busy where it receives no deliveries."""
    if process.receive is None:
        raise Busy("no_intake", "this process receives no deliveries")
    return SampleSender(process.receive, new_id, process.settings.senders_url, AuditStore(process.engine))
