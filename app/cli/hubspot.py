"""`segue hubspot`: look at an account, connect and disconnect those that join by OAuth; `segue new-key`: their key."""

from __future__ import annotations

import os
from typing import Annotated

import typer
import uvloop

from app.accounts.connect import Disconnected
from app.accounts.encryption import new_key
from app.cli import session
from app.cli.catalogue import owners, senders, sequences
from app.cli.workflow_action import action
from app.settings import load_settings

Account = Annotated[str, typer.Argument(help="The account's name in the rules.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="HubSpot accounts: what there is, and those that join by OAuth.", no_args_is_help=True)
    for command in (sequences, owners, senders, action):
        group.command()(command)
    group.command()(install)
    group.command()(disconnect)
    app.add_typer(group, name="hubspot")
    app.command("new-key")(print_new_key)


def install(account: Account) -> None:
    """Print a link that connects an account: open it in a browser, once, within ten minutes."""
    typer.echo(uvloop.run(session.install_link(load_settings(os.environ), account)))


def disconnect(account: Account) -> None:
    """Give an account's access back and forget its tokens; its enrollments wait until it is connected again."""
    ended = uvloop.run(session.disconnect(load_settings(os.environ), account))
    done = ended is Disconnected.GIVEN_BACK
    typer.echo(f"{account}: {ended}", err=not done)
    raise typer.Exit(0 if done else 1)


def print_new_key() -> None:
    """Print a new key for SEGUE_ENCRYPTION_KEYS. To replace one, put the new one before it, and drop it later."""
    typer.echo(new_key())
