"""`segue hubspot`: connect and disconnect accounts that join by OAuth; `segue new-key`: their key."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from app.accounts.encryption import new_key
from app.settings import load_settings

Hours = Annotated[
    float | None,
    typer.Option(min=0.01, max=720, help="For how many hours the link works; without it SEGUE_INSTALL_HOURS (24)."),
]
Account = Annotated[str, typer.Argument(help="The account's name in the rules.")]


def install(account: Account, *, hours: Hours = None) -> None:
    """Print a link that connects an account: open it in a browser and press its button; it works once."""
    from app.cli.session import install_link, run_session

    settings = load_settings(os.environ)
    typer.echo(run_session(install_link(settings, account, hours=hours or settings.install_hours)))


def disconnect(account: Account) -> None:
    """Give an account's access back and forget its tokens; its enrollments wait until it is connected again."""
    from app.accounts.connect import Disconnected
    from app.cli import session

    ended = session.run_session(session.disconnect(load_settings(os.environ), account))
    done = ended is Disconnected.GIVEN_BACK
    typer.echo(f"{account}: {ended}", err=not done)
    raise typer.Exit(0 if done else 1)


def print_new_key() -> None:
    """Print a new key for SEGUE_ENCRYPTION_KEYS. To replace one, put the new one before it, and drop it later."""
    typer.echo(new_key())
