"""`/api/v1/about`: the version, the settings in force without secrets, and the processes of this service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app import __version__
from app.reports.about import processes_of, settings_of
from app.web.api.common import resource

if TYPE_CHECKING:
    from app.process import Process

SETTING: dict[str, Any] = {"name": "SEGUE_RETENTION_DAYS", "value": "30.0", "given": False, "secret": False}
PROCESS: dict[str, Any] = {"name": "web-1", "role": "web", "ready": True}
ABOUT: dict[str, Any] = {
    "version": "0.1.0",
    "revision": "4f2c9a10be77",
    "practice": False,
    "settings": [SETTING],
    "processes": [PROCESS],
}


class SettingRow(BaseModel):
    """One setting, by its variable: `given` says that it is set. Of a `secret` the value is null."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": SETTING})

    name: str
    value: str | None
    given: bool
    secret: bool


class ProcessRow(BaseModel):
    """One process of the service that answers: `ready` says that it is at work."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": PROCESS})

    name: str
    role: str
    ready: bool


class About(BaseModel, json_schema_extra={"example": ABOUT}):
    """What runs here. `revision` is that of the rules in force, `practice` says that HubSpot is the sandbox.

    `processes` are those of the service that answers; other replicas are services of their own.
    """

    version: str
    revision: str | None
    practice: bool
    settings: list[SettingRow]
    processes: list[ProcessRow]


def routes(process: Process) -> APIRouter:
    """Return the route."""
    router = resource()

    @router.get("/about", response_model=About)
    async def about() -> dict[str, Any]:
        """Show the version, the settings in force without secrets, and the processes of this service."""
        book = process.rulebook.current
        return {
            "version": __version__,
            "revision": book.revision if book else None,
            "practice": process.practice,
            "settings": settings_of(process.settings),
            "processes": processes_of(process.shared.slots if process.shared else ()),
        }

    return router
