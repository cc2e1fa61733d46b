"""`/api/v1/sequences/{id}` and `/api/v1/contacts/enrollment`: what HubSpot says now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from app.catalogue.live import live_enrollment, live_sequence
from app.errors import Busy, Refusal
from app.web.access.routes import READS
from app.web.api.catalogue import catalogue_of
from app.web.api.common import UNREADABLE, Account, resource
from app.web.api.live_models import PersonEnrollment, SequenceDetail, WhoseEnrollment
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.catalogue.rows import Row
    from app.hubspot.client import HubSpotClient
    from app.process import Process
    from app.rules.rulebook import Rulebook

NOT_FOUND = 404
MALFORMED = 400


SequenceId = Annotated[str, Path(pattern=r"^[0-9]{1,30}$")]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, catalogue = resource(), catalogue_of(process)

    @router.get("/sequences/{sequence_id}", response_model=SequenceDetail)
    async def sequence(sequence_id: SequenceId, account: Account = None) -> Row:
        """Return one sequence with its steps, as HubSpot shows it now to the first sender that sees it."""

        async def read(client: HubSpotClient, rulebook: Rulebook) -> Row:
            users = {sender.user_id: sender.name for sender in rulebook.senders.values()}
            return await live_sequence(client, users, sequence_id)

        try:
            return _found(await catalogue.live(account, read))
        except Refusal as refusal:
            if refusal.status in {NOT_FOUND, MALFORMED}:
                message = f"HubSpot shows no sender a sequence {sequence_id}: {refusal}"
                raise Problem(NOT_FOUND, "not-found", message) from refusal
            raise Busy("hubspot_unavailable", str(refusal)) from refusal

    @router.post("/contacts/enrollment", response_model=PersonEnrollment, responses=UNREADABLE, openapi_extra=READS)
    async def enrollment(asked: WhoseEnrollment) -> Row:
        """Ask HubSpot now whether the person with this address is in a sequence. Nothing is cached."""

        async def read(client: HubSpotClient, _: Rulebook) -> Row:
            return await live_enrollment(client, asked.email)

        try:
            return _found(await catalogue.live(asked.account, read))
        except Refusal as refusal:
            raise Busy("hubspot_unavailable", str(refusal)) from refusal

    return router


def _found(row: Row | None) -> Row:
    if row is None:
        raise Problem(NOT_FOUND, "not-found", "No account of the rules in force is called so; name one of several.")
    return row
