"""`console`: where the console is, and a link that signs one browser in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.rules_file import EnvFile, environment_of
from app.errors import StartError
from app.operators import Role, is_name

if TYPE_CHECKING:
    from app.settings import Settings


def console(
    *,
    link: Annotated[
        bool, typer.Option("--link", help="A link that signs one browser in: it works once, within ten minutes.")
    ] = False,
    role: Annotated[Role, typer.Option(help="With --link: what the person may do.")] = Role.ADMIN,
    name: Annotated[str, typer.Option(help="With --link: who it is; the audit log has `link:` and this.")] = "local",
    practice: Annotated[bool, typer.Option("--sandbox", help="Look where `serve --sandbox` keeps its data.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Print where the console is, or with --link a URL by which one browser signs in to it."""
    from app.cli.session import run_session
    from app.console.signin.links import base_url
    from app.console.signin.wiring import origins
    from app.settings import load_settings

    if not is_name(name):
        raise StartError("--name: a name is of a-z, 0-9, `.`, `_` and `-`, at most 40 characters")
    settings = load_settings(environment_of(env_file))
    port = settings.port if settings.admin_port is None else settings.admin_port
    base = base_url(origins(settings).callback, settings.host, port)
    made = run_session(_link(settings, base, role, name, practice=practice)) if link else f"{base}/admin"
    typer.echo(made)


async def _link(settings: Settings, base: str, role: Role, name: str, *, practice: bool) -> str:
    from app.audit.act import acting, command_act
    from app.cli.service_database import service_database
    from app.clock import utc_now
    from app.console.signin.links import make_link
    from app.console.signin.store import SignInStore

    async with service_database(settings, practice=practice) as engine:
        with acting(command_act("console")):
            return await make_link(SignInStore(engine), base, role=role, name=name, now=utc_now())
