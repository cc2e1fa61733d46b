"""`new-token`: a token for an operator; `audit`: what operators, commands and starts did."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.rules_file import AsJson, EnvFile, environment_of
from app.errors import StartError
from app.operators import Role, read_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.audit.store import AuditFilters

TOKEN_BYTES = 32
SHOWN = ("at", "who", "role", "origin", "what", "target", "outcome", "after")


def new_token(
    name: Annotated[str, typer.Argument(help="Whose token it is; the audit log shows it.")],
    role: Annotated[Role, typer.Argument(help="What it may do.")] = Role.VIEWER,
) -> None:
    """Print a line for SEGUE_TOKENS: a name, a role and a new token. A name may have two, while one is replaced."""
    line = f"{name} {role} segue_{secrets.token_urlsafe(TOKEN_BYTES)}"
    try:
        read_tokens(line)
    except ValueError as error:
        raise StartError(str(error)) from error
    typer.echo(line)


def audit(
    *,
    who: Annotated[str, typer.Option(help="A token's name, or cli, system, browser, stranger.")] = "",
    what: Annotated[str, typer.Option(help="A route or a command, as it is listed.")] = "",
    target: Annotated[str, typer.Option(help="What it was about, as it is listed: an id, a name.")] = "",
    since: Annotated[str, typer.Option(help="From then on: 2026-11-23 or 2026-11-23T08:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Before then.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows, the newest first.")] = 50,
    practice: Annotated[bool, typer.Option("--sandbox", help="Look where `serve --sandbox` keeps its data.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List who did what, from where, and what it changed; who was refused, too."""
    from app.audit.store import AuditFilters
    from app.cli.catalogue import show
    from app.cli.decide import moment_of
    from app.cli.session import run_session

    begin, end = moment_of(since, "--since") if since else None, moment_of(until, "--until") if until else None
    filters = AuditFilters(
        who=who or None, what=what or None, target=target or None, since=begin, until=end, limit=limit
    )
    rows = run_session(_rows(environment_of(env_file), filters, practice=practice))
    show(rows if as_json else [{name: row[name] for name in SHOWN} for row in rows], as_json=as_json)


async def _rows(environment: Mapping[str, str], filters: AuditFilters, *, practice: bool) -> list[dict[str, Any]]:
    from app.audit.store import AuditStore
    from app.cli.service_database import service_database
    from app.settings import load_settings

    settings = load_settings(environment)
    async with service_database(settings, practice=practice) as engine:
        return [{**row, "at": row["at"].isoformat()} for row in await AuditStore(engine).page(filters)]
