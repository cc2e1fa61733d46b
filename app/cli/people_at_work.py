"""What the commands about people open: the database of a service, or of one that does not run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.audit.act import acting, command_act
from app.audit.store import AuditStore
from app.cli.service_database import service_database
from app.database.installation import shared_key
from app.errors import StartError, StillForgetting
from app.ids import Ids
from app.observability.logs import hash_email
from app.people.export_store import ExportStore
from app.people.forget import BY_CLI, Forgetter
from app.people.forget_store import ForgetStore
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.forget import Plan
    from app.people.forget_store import Forgetting


async def forget_person(
    environment: Mapping[str, str], email: str, *, yes: bool, practice: bool
) -> tuple[Plan, Forgetting | None]:
    """Return what forgetting a person would do and, with `yes`, how far it is done. Raises StartError."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        forgetter = await _forgetter(engine)
        try:
            plan = await forgetter.plan(email)
        except ValueError as error:
            raise StartError(str(error)) from error
        if not yes:
            return plan, None
        with acting(command_act("forget")):
            begun = await forgetter.begin(email, by=BY_CLI)
        await forgetter.finish(begun.id)
        return plan, await forgetter.shown(begun.id)


async def lift_person(environment: Mapping[str, str], email: str, *, practice: bool) -> bool:
    """Lift the tombstone of a person; return whether there was one. Raises StartError."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        try:
            with acting(command_act("forget --lift")):
                return await (await _forgetter(engine)).lift(email, by=BY_CLI)
        except (StillForgetting, ValueError) as error:
            raise StartError(str(error)) from error


async def exported(environment: Mapping[str, str], email: str, *, practice: bool) -> bytes:
    """Return what is kept of a person, as JSON. Raises StartError."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        try:
            found = await ExportStore(engine).document(email)
        except ValueError as error:
            raise StartError(str(error)) from error
        with acting(command_act("export-person")):
            await AuditStore(engine).noted()  # before it is shown; whom it is about stays out of the audit log
        return found


async def _forgetter(engine: AsyncEngine) -> Forgetter:
    hasher = partial(hash_email, key=await shared_key(engine, "person"))
    return Forgetter(ForgetStore(engine), new_id=Ids(), hash_email=hasher)
