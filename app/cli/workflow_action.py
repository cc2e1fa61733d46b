"""`segue hubspot action`: an action of our own for HubSpot's workflows, printed or registered."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvloop

from app.cli.rules_file import DEFAULT_RULES, EnvFile, RulesOption, environment_of, load_or_exit, print_json
from app.errors import Busy, HubSpotError, StartError
from app.hubspot.api.workflow_action import (
    Developer,
    Registered,
    component,
    create_action,
    definition,
    list_actions,
    update_action,
)
from app.rules.rulebook import Rulebook
from app.settings import Settings, load_settings
from app.sources.options import options_of
from app.sources.providers.hubspot import HubSpotOptions

if TYPE_CHECKING:
    from app.hubspot.client import HubSpotClient

Source = Annotated[str, typer.Option("--source", help="The source that workflows post to, where there are several.")]


def action(
    rules: RulesOption = DEFAULT_RULES,
    *,
    source: Source = "",
    project: Annotated[
        bool, typer.Option("--project", help="Print it as a file of a developer project instead.")
    ] = False,
    register: Annotated[
        str, typer.Option("--register", help="Register it with the app of this id, by SEGUE_HUBSPOT_DEVELOPER_KEY.")
    ] = "",
    publish: Annotated[
        bool | None,
        typer.Option(
            "--publish/--unpublish",
            help="Whether the accounts that installed the app see it; as it is, where nothing is said.",
        ),
    ] = None,
    hapikey: Annotated[
        bool, typer.Option("--hapikey", help="Send the key as `hapikey`, not as a bearer token.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Print the action by which workflows hand contacts over to a source, or register it with HubSpot."""
    environment = environment_of(env_file)
    settings = load_settings(environment)
    url = _url(settings, load_or_exit(rules, environment), source)
    if not register:
        print_json((component if project else definition)(url, published=bool(publish)))
        return
    action_definition = definition(url, published=publish)
    found = uvloop.run(_register(settings, _developer(settings, register, hapikey=hapikey), action_definition))
    hidden = "only its developer sees it, until it is registered --publish"
    visible = "its app's accounts see it" if found.published else hidden
    typer.echo(f"definition {found.id}, revision {found.revision}: workflows post to {url}; {visible}")


def _url(settings: Settings, book: Rulebook, source: str) -> str:
    fitting = [one for one in book.sources.values() if one.provider == "hubspot" and source in {"", one.name}]
    if len(fitting) != 1:
        found = ", ".join(one.name for one in fitting) or "none that fits"
        raise StartError(f"--source: name the source of provider hubspot that workflows post to; there are {found}")
    if settings.public_url is None or settings.public_url.scheme != "https":
        raise StartError(
            "SEGUE_PUBLIC_URL: HubSpot posts to an https address; set it to what stands before this service"
        )
    if options_of(fitting[0], HubSpotOptions).signatures == "v3-only":
        note = "HubSpot signs the requests of its own and others' actions v2: write `signatures: any` at the source"
        typer.echo(f"{fitting[0].name}: {note}", err=True)
    return f"{settings.senders_url}/webhooks/{fitting[0].name}"


def _developer(settings: Settings, app_id: str, *, hapikey: bool) -> Developer:
    if settings.hubspot_developer_key is None:
        raise StartError("SEGUE_HUBSPOT_DEVELOPER_KEY: set it to what lets the app's developer in")
    return Developer(app_id, settings.hubspot_developer_key.get_secret_value(), hapikey)


async def _register(settings: Settings, developer: Developer, action_definition: dict[str, Any]) -> Registered:
    from app.hubspot.client import HubSpotClient
    from app.hubspot.local_rate_limit import LocalRateLimit

    client = HubSpotClient(
        "developer",
        developer.key,
        rate_limit=LocalRateLimit(),
        observe=lambda _: None,
        base_url=settings.hubspot_url,
        version=settings.hubspot_api_version,
    )
    async with aclosing(client):
        try:
            registered = await _register_with(client, developer, action_definition)
        except HubSpotError as error:
            raise StartError(f"HubSpot does not take it: {error}", exit_code=1) from error
    await _note(settings, developer, registered)
    return registered


async def _note(settings: Settings, developer: Developer, registered: Registered) -> None:
    """Write into the audit log what was registered. The command works beside a database that cannot be reached, too."""
    from app.audit.act import command_act
    from app.audit.store import DONE, AuditStore
    from app.cli.session import engine_if_reachable

    act = command_act("hubspot action --register")
    act.target = f"app {developer.app_id}"
    after = {name: getattr(registered, name) for name in ("id", "revision", "published", "url")}
    try:
        async with AsyncExitStack() as stack:
            engine, trouble = await engine_if_reachable(stack, settings)
            if engine is not None:
                await AuditStore(engine).write(act, DONE, after=after)
    except Busy as error:
        trouble = str(error)
    if trouble is not None:
        typer.echo(f"it has no row in the audit log: {trouble}", err=True)


async def _register_with(client: HubSpotClient, developer: Developer, definition: dict[str, Any]) -> Registered:
    """Register the action, in place of a definition of the same app with the same `actionUrl`."""
    after: str | None = None
    while True:
        page = await client.send(list_actions(developer, after))
        for registered in page.items:
            if registered.url == definition["actionUrl"]:
                return await client.send(update_action(developer, registered.id, definition))
        if (after := page.after) is None:
            return await client.send(create_action(developer, definition))
