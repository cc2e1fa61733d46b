"""One rejected delivery: its head without secrets, its body, and whether today's secrets would let it in."""

from __future__ import annotations

from dataclasses import dataclass
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
    """One rejected delivery. `checked` is what was found where it was asked to be checked again."""

    sentence: str
    source: str
    delivery: KeptDelivery
    checked: Latest | None
    check_url: str


def pages(console: Console) -> Pages:
    """Return the page, and the one that checks the delivery again, which changes nothing."""
    pages, samples = Pages(), changes.samples(console)

    async def one(visit: Visit) -> tuple[StoredDelivery, Rulebook]:
        config, book = samples.config(visit)
        with busy_when_gone():
            stored = await find_delivery(console.reads, visit.parameters["delivery_id"], config.name)
        if stored is None or stored.reason is None or stored.delivery.source != config.name:
            raise not_there("rejected delivery of this source with this id; the last 20 are kept, for a day")
        return stored, book

    async def shown(visit: Visit, *, check: bool) -> RejectedPage:
        stored, book = await one(visit)
        found = latest_of(stored, book, console, visit)
        if found is None:
            raise not_there("rejected delivery of this source")
        name, id_ = stored.delivery.source, stored.delivery.id
        return RejectedPage(
            sentence=found.sentence,
            source=name,
            delivery=shown_delivery(stored, hiding(console)),
            checked=found if check else None,
            check_url=changes.url_of(name, f"/rejected/{id_}/check"),
        )

    @pages.show("/sources/{source}/rejected/{delivery_id}", "rejected.html", role=Role.OPERATOR, audited=True)
    async def rejected(visit: Visit) -> RejectedPage:
        return await shown(visit, check=False)

    path = "/sources/{source}/rejected/{delivery_id}/check"

    @pages.show(path, "rejected.html", role=Role.OPERATOR, method="POST", audited=True)
    async def checked(visit: Visit) -> RejectedPage:
        return await shown(visit, check=True)

    return pages
