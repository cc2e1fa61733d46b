"""`sources`, `verify`: what senders can prove, and why a delivery was refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli import session
from app.cli.rules_file import DEFAULT_RULES, AsJson, EnvFile, environment_of, load_or_exit, print_json
from app.errors import StartError
from app.intake.rejected_store import StoredDelivery
from app.model import SourceConfig
from app.rules.rulebook import Rulebook
from app.settings import load_settings
from app.sources import PROVIDERS
from app.sources.diagnose import Check, diagnose

RulesOption = Annotated[Path, typer.Option("--rules", envvar="SEGUE_CONFIG", help="The rules file, or a folder.")]
MARKS = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[yellow]remark[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("sources")(list_sources)
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


def source_of(book: Rulebook, name: str) -> SourceConfig:
    """Return the source of this name. Raises StartError."""
    if name not in book.sources:
        raise StartError(f"there is no source {name!r}; there are {', '.join(sorted(book.sources)) or 'none'}")
    return book.sources[name]


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
    config = source_of(book, stored.delivery.source)
    others = {name: other for name, other in book.sources.items() if name != config.name}
    checks = diagnose(stored.delivery, config, others, PROVIDERS[config.provider], reason=stored.reason)
    if stored.cut:
        checks.insert(
            0,
            Check(
                "body", passed=None, detail="only its beginning is kept: what covers the body cannot be checked again"
            ),
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
    return {"check": check.name, "passed": check.passed, "told": check.detail}


def _print_checks(stored: StoredDelivery, checks: list[Check]) -> None:
    console = Console(soft_wrap=True)
    sent = stored.delivery
    then = f"refused with {stored.status}: {stored.reason}" if stored.reason else "taken"
    console.print(f"{sent.id} of {escape(sent.source)}, {sent.received_at:%Y-%m-%d %H:%M:%S} UTC, then {escape(then)}")
    for check in checks:
        console.print(f"  {MARKS[check.passed]}  {check.name}: {escape(check.detail)}")
