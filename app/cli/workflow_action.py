"""`segue hubspot action`: an action of our own for HubSpot's workflows, printed or registered."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.asking import finished
from app.cli.rules_file import DEFAULT_RULES, EnvFile, environment_of, load_or_exit, print_json
from app.cli.session import unobserved
from app.cli.sources import RulesOption
from app.errors import HubSpotError, StartError
from app.hubspot.api.workflow_action import Developer, Registered, component, definition
from app.hubspot.client import HubSpotClient
from app.hubspot.local_rate_limit import LocalRateLimit
from app.rules.rulebook import Rulebook
from app.settings import Settings, load_settings

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
    told = definition(url, published=publish)
    found = finished(_register(settings, _developer(settings, register, hapikey=hapikey), told))
    unseen = "only its developer sees it, until it is registered --publish"
    seen = "its app's accounts see it" if found.published else unseen
    typer.echo(f"definition {found.id}, revision {found.revision}: workflows post to {url}; {seen}")


def _url(settings: Settings, book: Rulebook, source: str) -> str:
    names = [one.name for one in book.sources.values() if one.provider == "hubspot" and source in {"", one.name}]
    if len(names) != 1:
        told = ", ".join(names) or "none that fits"
        raise StartError(f"--source: name the source of provider hubspot that workflows post to; there are {told}")
    if settings.public_url is None or settings.public_url.scheme != "https":
        raise StartError(
            "SEGUE_PUBLIC_URL: HubSpot posts to an https address; set it to what stands before this service"
        )
    return f"{str(settings.public_url).rstrip('/')}/webhooks/{names[0]}"


def _developer(settings: Settings, app_id: str, *, hapikey: bool) -> Developer:
    if settings.hubspot_developer_key is None:
        raise StartError("SEGUE_HUBSPOT_DEVELOPER_KEY: set it to what lets the app's developer in")
    return Developer(app_id, settings.hubspot_developer_key.get_secret_value(), hapikey)


async def _register(settings: Settings, developer: Developer, told: dict[str, object]) -> Registered:
    client = HubSpotClient(
        "developer",
        developer.key,
        pace=LocalRateLimit(),
        observe=unobserved,
        base_url=str(settings.hubspot_base_url).rstrip("/"),
        version=settings.hubspot_api_version,
    )
    async with client:
        try:
            return await client.register_action(developer, told)
        except HubSpotError as error:
            raise StartError(f"HubSpot does not take it: {error}", exit_code=1) from error
