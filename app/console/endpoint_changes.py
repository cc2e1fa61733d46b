"""What an operator changes of an endpoint: test it, send to it again, send it what it lost once more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, Field

from app.audit.act import current
from app.bulk.ask_store import BulkAskStore
from app.bulk.filters import Filter
from app.bulk.job import COUNTED
from app.console.endpoint_words import state_in_words
from app.console.lists import with_query
from app.console.page import REASON, ROOT, Confirm, Done, MoreThanShown, Pages, Row, Visit, not_there, shown_count
from app.console.text import capped, counted, exactly, moment, span
from app.errors import BulkRefused
from app.errors import MoreThanShown as MoreThanWereShown
from app.ids import Ids
from app.operators import Role
from app.outbound.breaker import Position
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.status import DISABLED, LEFT, EndpointStatus
from app.outbound.trial import trial_body
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.bulk.job import Preview
    from app.console.context import Console
    from app.outbound.status import EndpointStatuses

LOCAL = "%Y-%m-%dT%H:%M"  # as browsers write a time without its zone
KIND = "replay_outbound"
USUAL = timedelta(hours=24)
STATES = {"failed": ("failed",), "delivered": ("delivered",), "all": ("failed", "delivered")}

log = structlog.get_logger(__name__)


class Again(BaseModel, extra="forbid"):
    """What is sent again: noted since a time of the page's zone, and what became of it."""

    since: datetime | None = None
    state: str = Field("failed", pattern="^(failed|delivered|all)$")


def may_be_enabled(status: EndpointStatus) -> bool:
    """Return whether there is anything that keeps events from an endpoint of the rules."""
    return status.state in {DISABLED, Position.OPEN, Position.HALF_OPEN}


def unknown(name: str) -> EndpointStatus:
    """Return the status of an endpoint that has left the rules, and for which nothing waits."""
    return EndpointStatus(
        name=name,
        url=None,
        events=[],
        accounts=None,
        state=LEFT,
        failures=0,
        open_until=None,
        disabled_at=None,
        waiting=0,
        failed=0,
        oldest_seconds=0.0,
        last_success_at=None,
        last_error=None,
        last_error_at=None,
    )


def usual_since(visit: Visit) -> datetime:
    """Return since when events are sent again where no time is chosen, on the clock of the page."""
    return (visit.now - USUAL).astimezone(visit.zone)


def add(pages: Pages, console: Console, statuses: EndpointStatuses) -> None:
    """Add the three changes."""
    changes = _Changes(
        statuses, OutboundOperatorStore(console.process.engine), BulkAskStore(console.process.engine, Ids())
    )
    pages.change("/endpoints/{endpoint}/test", changes.ask_test, changes.test, Role.OPERATOR)
    pages.change("/endpoints/{endpoint}/enable", changes.ask_enable, changes.enable, Role.OPERATOR)
    pages.change("/endpoints/{endpoint}/replay", changes.ask_replay, changes.replay, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class _Changes:
    statuses: EndpointStatuses
    store: OutboundOperatorStore
    jobs: BulkAskStore

    async def ask_test(self, visit: Visit) -> Confirm:
        status = await self._status(visit)
        return Confirm(
            title=f"Send a test to {status.name}?",
            button="Send a test",
            back=_url(visit),
            consequences=(
                "An event of the type segue.test is sent as all others are, signed, and tried again where it fails.",
                f"It goes to {status.url}. It names no person.",
            ),
        )

    async def test(self, visit: Visit) -> Done:
        name = (await self._status(visit)).name
        id_ = await self.store.test(name, trial_body(name, visit.now))
        log.info("endpoint.tested", endpoint=name, outbound_id=id_)
        return Done(_url(visit), "A test is on its way. Its line below says what came of it.")

    async def ask_enable(self, visit: Visit) -> Confirm:
        status = await self._status(visit)
        confirm = Confirm(f"Send to {status.name} again?", "Send again", _url(visit))
        if not may_be_enabled(status):
            return replace(confirm, impossible="Nothing keeps events from it: they are sent as they come.")
        return replace(
            confirm,
            consequences=(
                f"Now it is {state_in_words(status, visit.now, visit.zone)}.",
                f"{exactly(status.waiting, 'event waits', 'events wait')} for it, and will be sent at once.",
            ),
            count=status.waiting,
            flows=True,
            sample=tuple(_row(row, visit) for row in await self.statuses.store.first_waiting(status.name)),
        )

    async def enable(self, visit: Visit) -> Done:
        status = await self._status(visit)
        if not await self.store.enable(status.name):
            raise Problem(409, "wrong-state", "Nothing keeps events from it any more.")
        log.info("endpoint.enabled", endpoint=status.name)
        return Done(_url(visit), f"Events are sent to {status.name} again.")

    async def ask_replay(self, visit: Visit) -> Confirm:
        given = self._filter(visit)
        preview = await self._preview(given, visit)
        return Confirm(
            title=f"Send {given.endpoint} its events once more?",
            button=f"Send {capped(preview.count, COUNTED)} again",
            back=_url(visit),
            consequences=_consequences(given, preview, visit) if preview.count else (),
            count=preview.count,
            sample=tuple(_row(row, visit) for row in preview.first),
            fields=(REASON,),
            impossible=_impossible(preview),
            action=_pinned(given, visit),
        )

    async def replay(self, visit: Visit) -> Done:
        act, shown = current(), shown_count(visit.form)
        if act is None:
            raise AssertionError("a change is an act")
        reason = visit.form.get("reason") or None
        try:
            job = await self.jobs.ask(KIND, self._filter(visit), expected_count=shown, reason=reason, act=act)
        except MoreThanWereShown as error:
            raise MoreThanShown from error
        except BulkRefused as error:
            raise Problem(409, "not-possible", str(error)) from error
        events = exactly(job.total, "event is", "events are")
        return Done(_url(visit), f"{events} being sent again, by the job {job.id}.")

    def _filter(self, visit: Visit) -> Filter:
        asked = visit.query(Again)
        local = asked.since or usual_since(visit)
        since = local if local.tzinfo else local.replace(tzinfo=visit.zone)
        return Filter(endpoint=visit.parameters["endpoint"], states=STATES[asked.state], since=since)

    async def _preview(self, given: Filter, visit: Visit) -> Preview:
        try:
            return await self.jobs.preview(KIND, given, role=visit.visitor.role)
        except BulkRefused as error:
            raise Problem(422, "invalid-request", str(error)) from error

    async def _status(self, visit: Visit) -> EndpointStatus:
        name = visit.parameters["endpoint"]
        found = next((one for one in await self.statuses.all() if one.name == name), None)
        if found is None or found.state == LEFT:
            raise not_there("endpoint of this name in the rules in force")
        return found


def _consequences(given: Filter, preview: Preview, visit: Visit) -> tuple[str, ...]:
    since = moment(given.since, visit.now, visit.zone) if given.since else ""
    time = f" This takes about {span(preview.seconds)}." if preview.seconds and preview.seconds >= 1 else ""
    return (
        f"{counted(preview.count, 'event')} noted since {since}, {' or '.join(given.states)}.",
        f"Each is sent with the same bytes under the same webhook-id, by which the endpoint recognises it.{time}",
    )


def _pinned(given: Filter, visit: Visit) -> str:
    """Return the URL that the form goes to. It names the time: sent twice, the form asks for one and the same job."""
    since = {"since": given.since.isoformat()} if given.since else {}
    return with_query(visit.path, {**visit.asked, **since})


def _impossible(preview: Preview) -> str | None:
    if not preview.count:
        return "There is no such event of this time. Choose an earlier time, or events that were delivered."
    if preview.most is not None and preview.count > preview.most:
        return f"Your role may ask for {preview.most:,} at once. Choose a later time, or ask an admin."
    return None


def _row(row: Mapping[str, Any], visit: Visit) -> Row:
    about = row["enrollment_id"]
    url = f"{ROOT}/enrollments/{about}" if about else None
    return Row(f"{row['kind']}, {row['state']}", url, moment(row["created_at"], visit.now, visit.zone))


def _url(visit: Visit) -> str:
    return f"{ROOT}/endpoints/{visit.parameters['endpoint']}"
