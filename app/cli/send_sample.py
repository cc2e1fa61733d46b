"""`send-sample`: a signed delivery to try a source with, and a question before it can reach a real person."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.rules_file import DEFAULT_RULES, EnvFile, RulesOption, environment_of, load_or_exit, source_of
from app.errors import SampleRefused, StartError

if TYPE_CHECKING:
    import httpx

    from app.intake.sample_delivery import Destination
    from app.model import Delivery, SourceConfig
    from app.settings import Settings
    from app.sources.sample_files import Sample

SEND_SECONDS = 30.0


def send_sample(  # noqa: PLR0913  # each is an option of the command
    source: Annotated[str, typer.Argument(help="A source of the rules file.")],
    rules: RulesOption = DEFAULT_RULES,
    *,
    email: Annotated[
        str | None, typer.Option(help="The person it is about, in place of everyone it names, in your own file too.")
    ] = None,
    sample: Annotated[str, typer.Option(help="The sample whose name begins so; the first one by default.")] = "",
    body: Annotated[Path | None, typer.Option(help="Send this file's content instead.")] = None,
    new: Annotated[bool, typer.Option("--new", help="As a new event, so that it is no duplicate.")] = False,
    url: Annotated[str, typer.Option(help="The service, where it is not the one of SEGUE_HOST and SEGUE_PORT.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Send it without asking, wherever it goes.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, without the proof.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Sign a sample with the source's own secret and post it. Exit 1 when it is not sent, or not taken.

    It asks first, unless the service says that it enrolls into the sandbox only.
    """
    from app.intake import sample_delivery
    from app.settings import load_settings

    environment = environment_of(env_file)
    book = load_or_exit(rules, environment)
    destination = _destination(source_of(book, source), load_settings(environment), url)
    delivery = _prepared(destination, sample, body, email, new=new)
    if email is None and body is not None:
        typer.echo(f"{body} is about {sample_delivery.people_in(delivery, destination.config)}")
    for line in sample_delivery.foreseen(delivery, destination.config, book):
        typer.echo(line)
    if dry_run:
        typer.echo(sample_delivery.as_text(delivery, destination.config))
        raise typer.Exit
    if not yes and not _practises(destination):
        _require_consent(destination)
    raise typer.Exit(_send(delivery, destination))


def _destination(config: SourceConfig, settings: Settings, url: str) -> Destination:
    """Return the destination at `url`, or at the host and port of the settings where `url` is empty."""
    from app.intake.sample_delivery import Destination

    base = url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    return Destination(config, base, settings.senders_url or base)


def _prepared(destination: Destination, sample: str, body: Path | None, email: str | None, *, new: bool) -> Delivery:
    """Return the signed sample. Raises StartError."""
    from app.intake import sample_delivery
    from app.intake.send_sample import prepared

    try:
        chosen = _with_body(sample_delivery.chosen(destination.config, sample), body)
        return prepared(chosen, destination, email=email, new=new)
    except SampleRefused as refused:
        raise StartError(f"--{refused.choice}: {refused}", exit_code=2 if refused.unknown else 1) from refused


def _with_body(sample: Sample, body: Path | None) -> Sample:
    """Return the sample with the content of a file, where one is given. Raises StartError."""
    if body is None:
        return sample
    try:
        return replace(sample, name=str(body), method="POST", query="", body=body.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--body: cannot read {body}: {error}") from error


def _practises(destination: Destination) -> bool:
    """Return whether the service says that it enrolls into its own sandbox only.

    Only the service knows: the settings, rules and database that this command reads may belong to another one. Any
    other answer, from a proxy for example, counts as no.
    """
    answer = _ask(destination, "GET", f"{destination.base}/healthz")
    try:
        alive = answer.json() if answer.is_success else None
    except ValueError:
        return False
    return isinstance(alive, dict) and alive.get("practice") is True


def _require_consent(destination: Destination) -> None:
    """Ask the operator. Raises StartError unless the answer is yes, and where there is no terminal."""
    reason = f"{destination.shown} does not say that it enrolls into the sandbox only, so this may reach a real person"
    if not sys.stdin.isatty():
        raise StartError(f"nothing was sent: {reason}; --yes sends it without asking", exit_code=1)
    typer.echo(reason)
    if not typer.confirm("Send it?"):
        raise StartError("nothing was sent", exit_code=1)


def _send(delivery: Delivery, destination: Destination) -> int:
    url = destination.base + delivery.url.removeprefix(destination.public)
    answer = _ask(destination, delivery.method, url, delivery.body, delivery.headers)
    typer.echo(f"answered {answer.status_code}: {answer.text}")
    if '"duplicate":true' in answer.text.replace(" ", ""):
        typer.echo("it was sent before: --new sends it as a new event")
    return 0 if answer.is_success else 1


def _ask(
    destination: Destination, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    import httpx

    try:
        with httpx.Client(timeout=SEND_SECONDS, trust_env=False) as client:
            return client.request(method, url, content=body, headers=dict(headers or {}))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StartError(f"cannot reach {destination.base}: {error}", exit_code=1) from error
    except UnicodeEncodeError as error:
        raise StartError("nothing was sent: HTTP headers hold ASCII only, and one would not", exit_code=1) from error
