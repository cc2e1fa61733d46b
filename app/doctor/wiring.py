"""The doctor as a job: operators ask for a run by a row, and any worker that has the account at work does it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.accounts.identity_store import IdentityStore
from app.clock import utc_now
from app.database.embedded.wiring import data_dir
from app.database.listen import DOCTOR_READY, IDLE_POLL_SECONDS
from app.database.wiring import running_server
from app.doctor.client import visited
from app.doctor.examine import examine, surroundings
from app.doctor.fetch import CallLog
from app.doctor.report import database, encryption, public_url
from app.doctor.requirements import wanted
from app.doctor.run_store import DoctorRunStore
from app.enrichment.store import failing_lookups
from app.errors import NotSent
from app.jobs import Loop

if TYPE_CHECKING:
    from app.doctor.findings import Finding
    from app.doctor.requirements import Wanted
    from app.process import Process

LEASE_SECONDS = 300.0
LONGEST_SECONDS = 270.0  # a run ends before its lease does, which is not renewed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DoctorJob:
    """Does the runs that operators ask for, one after the other."""

    process: Process
    store: DoctorRunStore

    async def once(self) -> None:
        """Do all runs that wait."""
        while claimed := await self.store.claim(
            sorted(self.process.accounts), worker=self.process.name, lease=LEASE_SECONDS
        ):
            findings, detail = await self._looked(claimed.account)
            kept = await self.store.finish(claimed, findings, detail)
            log.info("doctor.ran", account=claimed.account, run_id=claimed.id, findings=len(findings), kept=kept)

    async def _looked(self, account: str) -> tuple[list[Finding], str | None]:
        """Return the findings, or why there are none."""
        book = self.process.current_rulebook()
        key = next((key for key, one in book.accounts.items() if one.name == account), None)
        if key is None:
            return [], "the account is in the rules no more"
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                examination = await self._examined(wanted(book, key))
                return [*await self._around(), *examination], None
        except TimeoutError:
            return [], f"HubSpot took more than {LONGEST_SECONDS:.0f} seconds for all that was asked"

    async def _examined(self, one: Wanted) -> list[Finding]:
        process, call_log = self.process, CallLog(utc_now)
        name, active = one.account.name, process.accounts[one.account.name]
        portals, book = await IdentityStore(process.engine).portals(), process.current_rulebook()
        others = {portal: other for other, portal in portals.items() if other != name and book.account_named(other)}
        async with AsyncExitStack() as stack:
            client = await process.client(stack, name, active.rate_limit, lambda: active.account, also=call_log.observe)
            by_oauth = one.account.oauth and process.oauth is not None
            granted = (lambda: self._granted(name)) if by_oauth else None
            return await examine(client, one, call_log, granted, others)

    async def _granted(self, account: str) -> tuple[str, ...]:
        grants = await self.process.oauth.grants.listed() if self.process.oauth else ()
        scopes = next((grant["scopes"] for grant in grants if grant["account"] == account), None)
        if scopes is None:
            raise NotSent(f"the grant of {account!r} cannot be read")
        return tuple(scopes)

    async def _around(self) -> list[Finding]:
        """Return what concerns all of Segue."""
        process, settings = self.process, self.process.settings
        url = settings.senders_url
        server = await running_server(process.engine, settings, data_dir(settings, practice=process.practice))
        return surroundings(
            database(None, server, utc_now().date(), configured=settings.database_url is not None),
            public_url(url, await visited(url) if url else None),
            encryption(process.base_url),
            await failing_lookups(process.engine),
        )


async def start(process: Process) -> None:
    """Start the job."""
    job = DoctorJob(process, DoctorRunStore(process.engine))
    loop = Loop(job.once, every=IDLE_POLL_SECONDS, store_trouble="doctor.not_run", defect="doctor.defect")
    process.run(loop, channel=DOCTOR_READY)
