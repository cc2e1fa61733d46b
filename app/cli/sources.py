"""`sources`, `send-sample`, `verify`: what senders can prove, a delivery to try, and why one was refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli import session
from app.cli.rules_file import DEFAULT_RULES, AsJson, EnvFile, environment_of, load_or_exit, print_json
from app.clock import utc_now
from app.errors import Answer, StartError
from app.intake.rejected_store import StoredDelivery
from app.model import Delivery, SourceConfig
from app.rules.examples import told
from app.rules.match import decide, heard
from app.rules.rulebook import Rulebook
from app.settings import Settings, load_settings
from app.sources import PROVIDERS
from app.sources.diagnose import Check, diagnose
from app.sources.field_map import mapped
from app.sources.sample_files import Sample, samples

RulesOption = Annotated[Path, typer.Option("--rules", envvar="SEGUE_CONFIG", help="The rules file, or a folder.")]
SEND_SECONDS = 30.0
MARKS = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[yellow]remark[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("sources")(list_sources)
    app.command("send-sample")(send_sample)
    app.command()(verify)


def list_sources(*, as_json: AsJson = False) -> None:
    """List the providers and what a delivery of each one proves."""
    rows = [_row(name) for name in PROVIDERS]
    if as_json:
        print_json(rows)
        return
    table = Table("provider", "how it is proved", "what that covers", "a captured one could be used", box=None)
    for row in rows:
        table.add_row(*(escape(row[key]) for key in ("provider", "proof", "covers", "replay")))
    # Where there is no terminal the table is read in a file or a log: it gets room.
    console = Console() if Console().is_terminal else Console(width=160)
    console.print(table)
    console.print(
        "\nwhat is sent again is told by its id, whatever the proof; docs/sources has a page for each", soft_wrap=True
    )


def _row(name: str) -> dict[str, str]:
    provider = PROVIDERS[name]
    proof = provider.proof(SourceConfig(name, name, (), provider.Options()))
    if name == "json":
        return {"provider": name, "proof": "as you say", "covers": "as you say", "replay": "as you say"}
    return {"provider": name, "proof": proof.how, "covers": proof.covers, "replay": proof.replay}


def send_sample(  # noqa: PLR0913  # each is an option of the command
    source: Annotated[str, typer.Argument(help="A source of the rules file.")],
    rules: RulesOption = DEFAULT_RULES,
    *,
    email: Annotated[str, typer.Option(help="The person it is about, instead of a made-up one.")] = "",
    sample: Annotated[str, typer.Option(help="The sample whose name begins so; the first one by default.")] = "",
    body: Annotated[Path | None, typer.Option(help="Send this file's content instead.")] = None,
    new: Annotated[bool, typer.Option("--new", help="With an id of its own, so that it is no duplicate.")] = False,
    url: Annotated[str, typer.Option(help="The service, where it is not the one of SEGUE_HOST and SEGUE_PORT.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Send it even if a rule enrolls a made-up person.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, without the proof.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Sign a sample with the source's own secret and post it. Exit 1 when it is not taken."""
    environment = environment_of(env_file)
    book = load_or_exit(rules, environment)
    config = _source(book, source)
    chosen = _chosen(config, sample, body)
    chosen = chosen.about(email) if email else chosen
    chosen = chosen.anew() if new else chosen
    delivery, target = _outgoing(chosen, config, load_settings(environment), url)
    decided = _decided(delivery, config, book)
    enrolls = any(line.startswith("enroll ") for line in decided)
    for line in decided:
        typer.echo(f"the rules say: {line}")
    if dry_run:
        shown = PROVIDERS[config.provider].stored(delivery, config)
        typer.echo(f"{shown.method} {shown.url}\n\n{shown.body.decode()}")
        raise typer.Exit
    if enrolls and not (yes or email or body):
        raise StartError(
            f"that would enroll {chosen.email}, who is made up: name yourself by --email, or say --yes", exit_code=1
        )
    raise typer.Exit(_send(delivery, target))


def _source(book: Rulebook, name: str) -> SourceConfig:
    if name not in book.sources:
        raise StartError(f"there is no source {name!r}; there are {', '.join(sorted(book.sources)) or 'none'}")
    return book.sources[name]


def _chosen(config: SourceConfig, name: str, body: Path | None) -> Sample:
    known = samples(PROVIDERS[config.provider], utc_now())
    found = next((sample for sample in known if sample.name.startswith(name)), None)
    if found is None:
        names = "\n  ".join(sample.name for sample in known)
        raise StartError(f"--sample: no sample of {config.provider} begins with {name!r}; there are\n  {names}")
    if body is None:
        return found
    try:
        return Sample(str(body), "POST", "", found.headers, body.read_text(encoding="utf-8"), None, None)
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--body: cannot read {body}: {error}") from error


def _outgoing(sample: Sample, config: SourceConfig, settings: Settings, url: str) -> tuple[Delivery, str]:
    """Return the delivery as its sender would make it, and where to post it: signatures may cover the public URL."""
    provider, now = PROVIDERS[config.provider], utc_now()
    target = url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    public = str(settings.public_url).rstrip("/") if settings.public_url else target
    query = f"?{sample.query}" if sample.query else ""
    signed = provider.address(f"{public}/webhooks/{config.name}", config, now) + query
    raw = provider.fitted(sample.body, config).encode()
    proving = provider.sign(raw, config, now, method=sample.method, url=signed)
    delivery = Delivery("sample", config.name, now, sample.method, signed, {**sample.headers, **proving}, raw)
    return delivery, target + signed.removeprefix(public)


def _decided(delivery: Delivery, config: SourceConfig, book: Rulebook) -> list[str]:
    """Return what the rules on disk make of it, which may be others than those in force."""
    provider = PROVIDERS[config.provider]
    try:
        events = [mapped(event, config, delivery.headers) for event in provider.events(delivery, config)]
    except Answer as refusal:
        return [f"nothing, for it cannot be read: {refusal}"]
    return [_told(event, book) for event in events]


def _told(event: Any, book: Rulebook) -> str:
    if event.thin:
        return f"its provider is asked about this {event.type} first"
    if not heard(event, book):
        return f"no rule listens to {event.type!r}: it is counted and not stored"
    return "; ".join(told(decision) for decision in decide(event, book))


def _send(delivery: Delivery, target: str) -> int:
    try:
        with httpx.Client(timeout=SEND_SECONDS, trust_env=False) as client:
            answer = client.request(delivery.method, target, content=delivery.body, headers=dict(delivery.headers))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StartError(f"cannot reach {target.partition('/webhooks/')[0]}: {error}", exit_code=1) from error
    typer.echo(f"answered {answer.status_code}: {answer.text}")
    if '"duplicate":true' in answer.text.replace(" ", ""):
        typer.echo("it was sent before: --new gives it an id of its own")
    return 0 if answer.is_success else 1


def verify(
    delivery: Annotated[str, typer.Argument(help="A delivery's id (dlv_...); without one, the source's last.")] = "",
    rules: RulesOption = DEFAULT_RULES,
    *,
    source: Annotated[str, typer.Option(help="The source whose last refused delivery is looked at.")] = "",
    practice: Annotated[bool, typer.Option("--sandbox", help="Look where `serve --sandbox` keeps its data.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Say of a stored delivery which check failed and why. Exit 1 when one fails under the rules of now."""
    if bool(delivery) == bool(source):
        raise StartError("name either a delivery's id, or a --source whose last refused delivery is looked at")
    environment = environment_of(env_file)
    book = load_or_exit(rules, environment)
    stored = uvloop.run(session.stored_delivery(load_settings(environment), delivery, source, practice=practice))
    if stored is None:
        what = f"delivery {delivery}" if delivery else f"refused delivery of {source}"
        raise StartError(f"there is no {what}: 20 refused ones of each source are kept, for a day", exit_code=1)
    config = _source(book, stored.delivery.source)
    others = {name: other for name, other in book.sources.items() if name != config.name}
    checks = diagnose(stored.delivery, config, others, PROVIDERS[config.provider], reason=stored.reason)
    if stored.cut:
        checks.insert(
            0,
            Check("body", passed=None, told="only its beginning is kept: what covers the body cannot be checked again"),
        )
    if as_json:
        print_json(
            {
                "id": stored.delivery.id,
                "answered": stored.status,
                "reason": stored.reason,
                "checks": [_check(c) for c in checks],
            }
        )
    else:
        _print_checks(stored, checks)
    raise typer.Exit(1 if any(check.passed is False for check in checks) else 0)


def _check(check: Check) -> Mapping[str, Any]:
    return {"check": check.name, "passed": check.passed, "told": check.told}


def _print_checks(stored: StoredDelivery, checks: list[Check]) -> None:
    console = Console(soft_wrap=True)
    sent = stored.delivery
    then = f"refused with {stored.status}: {stored.reason}" if stored.reason else "taken"
    console.print(f"{sent.id} of {escape(sent.source)}, {sent.received_at:%Y-%m-%d %H:%M:%S} UTC, then {escape(then)}")
    for check in checks:
        console.print(f"  {MARKS[check.passed]}  {check.name}: {escape(check.told)}")
