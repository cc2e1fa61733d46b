"""One rejected delivery: whether today's secrets would let it in, its head, and the whole where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.console import source_changes as changes
from app.console.hidden import hiding
from app.console.kept_delivery import KeptDelivery, shown_delivery
from app.console.page import Pages, Visit, not_there
from app.console.pages.source import Latest, latest_of
from app.database.engine import busy_when_gone
from app.intake.rejected_store import find_delivery
from app.operators import Role

if TYPE_CHECKING:
    from app.console.context import Console
    from app.intake.rejected_store import StoredDelivery
    from app.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """One rejected delivery. `latest` says why, and what today's secrets say of it; `show_url` shows the whole."""

    latest: Latest
    source: str
    delivery: KeptDelivery
    show_url: str


def pages(console: Console) -> Pages:
    """Return the page, and the one that shows the whole delivery, which is written to the audit log."""
    pages, deliveries = Pages(), _Rejected(console, changes.samples(console))
    show = partial(pages.show, template="rejected.html", role=Role.OPERATOR)
    show("/sources/{source}/rejected/{delivery_id}")(partial(deliveries.shown, whole=False))
    show("/sources/{source}/rejected/{delivery_id}/show", method="POST", audited=True)(
        partial(deliveries.shown, whole=True)
    )
    return pages


@dataclass(frozen=True, slots=True)
class _Rejected:
    console: Console
    samples: changes.Samples

    async def shown(self, visit: Visit, *, whole: bool) -> RejectedPage:
        stored, book = await self._stored(visit)
        found = latest_of(stored, book, self.console, visit)
        if found is None:
            raise not_there("rejected delivery of this source")
        name = stored.delivery.source
        return RejectedPage(
            latest=found,
            source=name,
            delivery=shown_delivery(stored, hiding(self.console), whole=whole),
            show_url=changes.url_of(name, f"/rejected/{stored.delivery.id}/show"),
        )

    async def _stored(self, visit: Visit) -> tuple[StoredDelivery, Rulebook]:
        config, book = self.samples.config(visit)
        with busy_when_gone():
            stored = await find_delivery(self.console.reads, visit.parameters["delivery_id"], config.name)
        if stored is None or stored.reason is None or stored.delivery.source != config.name:
            raise not_there("rejected delivery of this source with this id; the last 20 are kept, for a day")
        return stored, book
