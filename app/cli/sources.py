"""`sources`, `verify`: what senders can prove, and why a delivery was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli import rules_file
from app.cli.rules_file import DEFAULT_RULES, AsJson, EnvFile, RulesOption, print_json
from app.errors import StartError
from app.model import SourceConfig
from app.sources import PROVIDERS
from app.sources.diagnose import Check

if TYPE_CHECKING:
    from app.intake.rejected_store import StoredDelivery

MARKS = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[yellow]remark[/]"}


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
        "\na repetition is recognised by its id, whatever the proof; docs/sources has a page for each", soft_wrap=True
    )


def _row(name: str) -> dict[str, str]:
    provider = PROVIDERS[name]
    proof = provider.proof(SourceConfig(name, name, (), provider.Options()))
    if name == "json":
        return {"provider": name, "proof": "as you say", "covers": "as you say", "replay": "as you say"}
    return {"provider": name, "proof": proof.how, "covers": proof.covers, "replay": proof.replay}


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
    from app.cli.session import run_session, stored_delivery
    from app.intake.rejected import checked_again, passes
    from app.settings import load_settings

    environment = rules_file.environment_of(env_file)
    book = rules_file.load_or_exit(rules, environment)
    settings = load_settings(environment)
    stored = run_session(stored_delivery(settings, delivery, source, practice=practice))
    if stored is None:
        what = f"delivery {delivery}" if delivery else f"refused delivery of {source}"
        raise StartError(f"there is no {what}: 20 refused ones of each source are kept, for a day", exit_code=1)
    checks = checked_again(stored, book, maximum=settings.max_body_bytes)
    if checks is None:
        rules_file.source_of(book, stored.delivery.source)  # which says what sources there are
        return
    if as_json:
        shown = [{"check": check.name, "passed": check.passed, "told": check.detail} for check in checks]
        found = {"id": stored.delivery.id, "answered": stored.status, "reason": stored.reason, "checks": shown}
        print_json(found)
    else:
        _print_checks(stored, checks)
    raise typer.Exit(0 if passes(checks) else 1)


def _print_checks(stored: StoredDelivery, checks: list[Check]) -> None:
    console = Console(soft_wrap=True)
    sent = stored.delivery
    then = f"refused with {stored.status}: {stored.reason}" if stored.reason else "taken"
    console.print(f"{sent.id} of {escape(sent.source)}, {sent.received_at:%Y-%m-%d %H:%M:%S} UTC, then {escape(then)}")
    for check in checks:
        console.print(f"  {MARKS[check.passed]}  {check.name}: {escape(check.detail)}")
