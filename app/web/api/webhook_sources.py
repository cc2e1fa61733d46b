"""`/api/v1/sources`: what each source proves and where it posts to, why deliveries were rejected, and a sample to try.

The name of this module comes after `unknown_paths`: a path of that one is looked at before `/sources/{name}`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path

from app.clock import utc_now
from app.database.engine import busy_when_gone
from app.errors import Busy, SampleRefused, StartError
from app.ids import Ids
from app.intake.rejected import checked_again, passes
from app.intake.rejected_store import find_delivery, list_rejected
from app.intake.send_sample import SentSample
from app.intake.wiring import sample_sender
from app.model import SourceConfig
from app.reports.source_store import last_of_sources
from app.reports.sources import SourceView, sample_names, secrets_of, source_view
from app.rules.rulebook import Rulebook
from app.web.access.routes import READS
from app.web.api.common import UNREADABLE, Identity, or_404, resource
from app.web.api.webhook_sources_models import (
    CheckedDelivery,
    RejectedList,
    SampleSent,
    SendSample,
    SourceDetail,
    SourceList,
)
from app.web.fields import STORABLE
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

NOT_SENT: dict[int | str, dict[str, Any]] = {409: {"description": "No sample can be sent so; `detail` says why"}}
DeliveryId = Annotated[str, Path(min_length=1, max_length=64, pattern=STORABLE)]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, ids = resource(), Ids()

    @router.get("/sources", response_model=SourceList)
    async def sources() -> dict[str, Any]:
        """List the sources of the rules in force."""
        return {"items": await _views(process, list(_book(process).sources.values()))}

    @router.get("/sources/{name}", response_model=SourceDetail)
    async def source(name: Identity) -> dict[str, Any]:
        """Show one source: the URL to post to, its secrets by their number, and the samples that can be sent."""
        config, now = _source(_book(process), name), utc_now()
        (view,) = await _views(process, [config])
        return {**asdict(view), "secrets": secrets_of(config, now), "samples": sample_names(config, now)}

    @router.get("/sources/{name}/rejected", response_model=RejectedList)
    async def rejected(name: Identity) -> dict[str, Any]:
        """List the rejected deliveries of a source that are kept, newest first: 20 of them, for a day."""
        _source(_book(process), name)
        return {"items": await list_rejected(process.engine, name)}

    @router.post("/sources/{name}/rejected/{delivery_id}/check", response_model=CheckedDelivery, openapi_extra=READS)
    async def check(name: Identity, delivery_id: DeliveryId) -> dict[str, Any]:
        """Check a rejected delivery again with the secrets of today, at the time of its arrival. It stays rejected."""
        return await _checked(process, name, delivery_id)

    @router.post("/sources/{name}/sample", response_model=SampleSent, responses=NOT_SENT | UNREADABLE)
    async def sample(name: Identity, wanted: SendSample) -> SentSample:
        """Sign a sample with the source's own secret and receive it, as a new event. Rules may enroll its person.

        With `dry_run` nothing is received, and the answer says what the rules in force would make of it.
        """
        return await _sent(process, ids, name, wanted)

    return router


async def _checked(process: Process, name: str, delivery_id: str) -> dict[str, Any]:
    """Check a rejected delivery of a source again. Raises Problem where it is not kept."""
    with busy_when_gone():
        found = await find_delivery(process.engine, delivery_id, name)
    ours = found is not None and found.reason is not None and found.delivery.source == name
    stored = or_404(found if ours else None, delivery_id)
    checks = or_404(checked_again(stored, _book(process), maximum=process.settings.max_body_bytes), delivery_id)
    shown = [{"check": one.name, "passed": one.passed, "detail": one.detail} for one in checks]
    then = {"id": stored.delivery.id, "status": stored.status, "reason": stored.reason}
    return {**then, "accepted_now": passes(checks), "checks": shown}


async def _sent(process: Process, ids: Ids, name: str, wanted: SendSample) -> SentSample:
    """Send a sample to a source. Raises Problem where that cannot be."""
    book, sender = _book(process), sample_sender(process, ids)
    config = _source(book, name)
    try:
        return await sender.send(config, book, sample=wanted.sample, email=wanted.email, dry_run=wanted.dry_run)
    except SampleRefused as refused:
        raise Problem(409, "sample-refused", f"{refused.choice}: {refused}.") from refused
    except StartError as error:
        raise Problem(409, "sample-refused", f"{error}.") from error


async def _views(process: Process, configs: list[SourceConfig]) -> list[SourceView]:
    book, url, now = _book(process), process.settings.senders_url, utc_now()
    last = await last_of_sources(process.engine, [config.name for config in configs])
    return [source_view(config, book, last[config.name], public_url=url, now=now) for config in configs]


def _book(process: Process) -> Rulebook:
    if process.rulebook.current is None:
        raise Busy("no_rulebook", "no rulebook is loaded yet")
    return process.rulebook.current


def _source(book: Rulebook, name: str) -> SourceConfig:
    if (config := book.sources.get(name)) is None:
        raise Problem(404, "not-found", "No source of the rules in force is called so.")
    return config
