"""The commands by name. The module of a command, and all that it needs, is imported when the command is chosen."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each command, as listed, with its module in this package and its function there.
COMMANDS = {
    "serve": "run.serve",
    "worker": "run.worker",
    "migrate": "run.migrate",
    "sandbox": "run.sandbox",
    "demo": "run.demo",
    "check": "rules.check",
    "test": "rules.run_tests",
    "explain": "rules.explain",
    "schema": "rules.schema",
    "sources": "sources.list_sources",
    "verify": "sources.verify",
    "send-sample": "send_sample.send_sample",
    "decide": "decide.decide",
    "release": "decide.release",
    "example": "decide.example",
    "new-key": "hubspot.print_new_key",
    "new-token": "access.new_token",
    "console": "console.console",
    "audit": "access.audit",
    "forget": "people.forget",
    "export-person": "people.export_person",
    "tally": "tally.tally",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "mark-restored": "backup.mark_restored",
    "mark-moved": "backup.mark_moved",
    "doctor": "doctor.doctor",
    "health": "health.health",
}
HUBSPOT_COMMANDS = {
    "sequences": "catalogue.sequences",
    "sequence": "live.sequence",
    "status": "live.status",
    "owners": "catalogue.owners",
    "senders": "catalogue.senders",
    "action": "workflow_action.action",
    "install": "hubspot.install",
    "disconnect": "hubspot.disconnect",
}
JOB_COMMANDS = {
    "parked": "jobs_asked.parked",
    "release": "jobs_asked.release",
    "cancel-waiting": "jobs_asked.cancel_waiting",
    "replay": "jobs_asked.replay",
    "list": "jobs.list_jobs",
    "show": "jobs.show_job",
    "pause": "jobs.pause",
    "resume": "jobs.resume",
    "cancel": "jobs.cancel",
}
# The level of the log of those that have one: they ask the database or HubSpot. What changes leads is logged in full.
_ASKING = """
    console example audit verify tally backup restore mark-restored mark-moved doctor sequences sequence status owners
    senders install disconnect parked cancel-waiting replay list show pause resume cancel
""".split()  # noqa: SIM905  # names read better in a paragraph
LOG_LEVELS = {"decide": "info", "release": "info", "forget": "info", "export-person": "error"} | dict.fromkeys(
    _ASKING, "error"
)


class LazyGroup(TyperGroup):
    """A group that knows its commands by name, and imports the command that is chosen."""

    places: ClassVar[Mapping[str, str]] = COMMANDS

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {**{name: TyperCommand(name) for name in self.places}, **self.commands}

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands, each with its docstring."""
        for name, place in self.places.items():
            self.commands[name].help = _docstring(place)
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and arguments of the command that is called. The context's object opens the log."""
        name, command, rest = super().resolve_command(ctx, args)
        if ctx.obj is not None and name in LOG_LEVELS and "--help" not in rest:
            ctx.obj(LOG_LEVELS[name])
        return name, _imported(name, self.places[name]) if name and name in self.places else command, rest


class HubSpotGroup(LazyGroup):
    """The commands of `segue hubspot`."""

    places = HUBSPOT_COMMANDS


class JobsGroup(LazyGroup):
    """The commands of `segue jobs`."""

    places = JOB_COMMANDS


def _docstring(place: str) -> str | None:
    """Return the docstring of a command from its module's source, which is not imported for it."""
    module, _, function = place.partition(".")
    tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return ast.get_docstring(found)


def _imported(name: str, place: str) -> Any:
    module, _, function = place.partition(".")
    alone = typer.Typer(add_completion=False)
    alone.command(name)(getattr(import_module(f"{__package__}.{module}"), function))
    return typer.main.get_command(alone)
