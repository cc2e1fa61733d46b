"""`tally`: how far the tallies are, and all of them counted anew."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.decide import Practice, moment_of
from app.cli.rules_file import AsJson, EnvFile, environment_of, print_json
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.tallies.figures import CountState


def tally(
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Count all hours anew, from their rows.")] = False,
    since: Annotated[str, typer.Option("--from", help="With --rebuild: the hours from then on, 2026-11-23.")] = "",
    practice: Practice = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the tallies of hours are or, with --rebuild, count them anew. Counters of deliveries stay."""
    if since and not rebuild:
        raise StartError("--from needs --rebuild")
    from app.cli.session import run_session
    from app.tallies.hours import EPOCH

    begin = moment_of(since, "--from") if since else EPOCH
    state = run_session(_tally(environment_of(env_file), begin if rebuild else None, practice=practice))
    if as_json:
        print_json({name: moment and moment.isoformat() for name, moment in _named(state).items()})
    else:
        _print(state)


async def _tally(environment: Mapping[str, str], rebuild_from: datetime | None, *, practice: bool) -> CountState:
    """Rebuild where that is asked for; return how far counting is. Raises StartError."""
    from app.audit.act import acting, command_act
    from app.cli.service_database import service_database
    from app.settings import load_settings
    from app.tallies.read_store import count_state
    from app.tallies.wiring import open_recount

    settings = load_settings(environment)
    async with service_database(settings, practice=practice) as engine:
        if rebuild_from is not None:
            worker = f"{socket.gethostname()}:{os.getpid()}:tally"
            recount = open_recount(engine, worker, history_days=settings.history_days)
            with acting(command_act("tally --rebuild")):
                await recount.store.ask_rebuild(rebuild_from)
            await recount.rebuilt()
        return await count_state(engine)


def _named(state: CountState) -> Mapping[str, datetime | None]:
    return {
        "counted_until": state.counted_until,
        "rebuilding_from": state.rebuilding_from,
        "kept_since": state.kept_since,
    }


def _print(state: CountState) -> None:
    until = state.counted_until
    typer.echo(f"counted until {until:%Y-%m-%d %H:%M:%S} UTC" if until else "nothing is counted yet")
    if state.rebuilding_from is not None:
        typer.echo(f"a rebuild is under way: {state.rebuilding_from:%Y-%m-%d %H:%M} UTC is next")
    if state.kept_since is not None:
        typer.echo(f"hours before {state.kept_since:%Y-%m-%d %H:%M} UTC are kept as they were counted")
