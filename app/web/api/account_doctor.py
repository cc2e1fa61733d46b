"""`/api/v1/accounts/{account}/doctor`: the doctor's checks of an account, done by a worker and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.doctor.run_store import DoctorRunStore
from app.ids import Ids
from app.web.access.routes import FOR_ADMINS
from app.web.api.common import Identity, resource
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

FINDING: dict[str, Any] = {
    "check": "token accepted",
    "status": "ok",
    "told": "it is the token of HubSpot account 4200117",
    "do": "",
    "account": "main",
}
RUN: dict[str, Any] = {
    "id": "doc_019ab2c3d4e5f60718293a4b5c6d7e81",
    "account": "main",
    "asked_by": "marta",
    "asked_at": "2026-11-23T06:00:00Z",
    "state": "done",
    "done_at": "2026-11-23T06:00:04Z",
    "findings": [FINDING],
    "detail": None,
}


class FindingRow(BaseModel, json_schema_extra={"example": FINDING}):
    """What one check found: `status` is ok, warning, failed or unknown, and `do` is what to do about it.

    `account` is empty for what concerns all of Segue.
    """

    check: str
    status: str
    told: str
    do: str
    account: str


class DoctorRun(BaseModel, json_schema_extra={"example": RUN}):
    """One run: `state` is waiting, working or done. `detail` says why a run that is done has found nothing."""

    id: str
    account: str
    asked_by: str
    asked_at: datetime
    state: str
    done_at: datetime | None
    findings: list[FindingRow]
    detail: str | None


class DoctorRuns(BaseModel, json_schema_extra={"example": {"items": [RUN]}}):
    """The last runs of an account, newest first: five that are done, and what waits."""

    items: list[DoctorRun]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, ids, store = resource(), Ids(), DoctorRunStore(process.engine)

    @router.get("/accounts/{account}/doctor", response_model=DoctorRuns)
    async def runs(account: Identity) -> dict[str, Any]:
        """List what the doctor found of an account."""
        _require(process, account)
        return {"items": await store.runs(account)}

    @router.post("/accounts/{account}/doctor", response_model=DoctorRun, status_code=202, openapi_extra=FOR_ADMINS)
    async def run(account: Identity) -> Mapping[str, Any]:
        """Ask for the doctor's checks of an account: a worker does them, and writes nothing to HubSpot.

        While a run of the account is not done, that one is answered. Read it again to see what was found.
        """
        _require(process, account)
        id_ = await store.ask(ids("doc"), account)
        return next(row for row in await store.runs(account) if row["id"] == id_)

    return router


def _require(process: Process, account: str) -> None:
    book = process.rulebook.current
    if book is None or book.account_named(account) is None:
        raise Problem(404, "not-found", "No account of the rules in force is called so.")
