"""`segue doctor`: what would keep enrollments from being sent, one line per check."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from app.cli import rules_file
from app.cli.rules_file import DEFAULT_RULES, AccountOption, AsJson, EnvFile, RulesOption, print_json
from app.clock import utc_now
from app.doctor.findings import Finding, Status
from app.doctor.report import database, encryption, public_url, unasked
from app.doctor.requirements import Wanted, wanted
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.cli.session import CommandSession

MARKS = {
    Status.OK: "[green]ok[/]     ",
    Status.WARNING: "[yellow]warning[/]",
    Status.FAILED: "[red]failed[/] ",
    Status.UNKNOWN: "[cyan]unknown[/]",
}


def doctor(
    rules: RulesOption = DEFAULT_RULES,
    *,
    account: AccountOption = "",
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither HubSpot nor the public address.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Look for what would keep enrollments from going out. Exit 1 when a check failed, 3 for mistakes in the rules."""
    environment = rules_file.environment_of(env_file)
    settings = load_settings(environment)
    book = rules_file.rulebook_of(rules, settings, environment)
    keys = [rules_file.account_named(book, account)] if account else list(book.accounts)
    findings = _findings(settings, [wanted(book, key) for key in keys], offline=offline)
    failed = any(finding.status is Status.FAILED for finding in findings)
    if as_json:
        print_json({"failed": failed, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(1 if failed else 0)


def _findings(settings: Settings, accounts: list[Wanted], *, offline: bool) -> list[Finding]:
    if offline:
        known = [public_url(settings.senders_url, None), encryption(settings.hubspot_url)]
        return [*known, *(finding for one in accounts for finding in unasked(one))]
    from app.cli.session import run_session

    return run_session(_look(settings, accounts))


async def _look(settings: Settings, accounts: list[Wanted]) -> list[Finding]:
    from app.cli.session import open_session
    from app.database.wiring import running_server
    from app.doctor.client import visited
    from app.doctor.examine import surroundings
    from app.enrichment.store import failing_lookups

    visit = await visited(settings.senders_url) if settings.senders_url else None
    async with open_session(settings) as session:
        others: dict[str, str] = {}
        examinations = [finding for one in accounts for finding in await _examine(session, one, others)]
        server = await running_server(session.engine, settings, settings.data_dir) if session.engine else None
        lookups = await failing_lookups(session.engine) if session.engine else []
        around = surroundings(
            database(session.trouble, server, utc_now().date(), configured=settings.database_url is not None),
            public_url(settings.senders_url, visit),
            encryption(settings.hubspot_url),
            lookups,
        )
        return [*around, *examinations]


async def _examine(session: CommandSession, one: Wanted, others: dict[str, str]) -> list[Finding]:
    """Examine one account, and add its portal id to `others`."""
    from app.doctor.examine import examine
    from app.doctor.fetch import CallLog

    call_log = CallLog(utc_now)
    client = await session.client(one.account, call_log.observe)
    granted = (lambda: session.granted(one.account)) if one.account.oauth else None
    return await examine(client, one, call_log, granted, others)


def _print(findings: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    account = None
    for finding in findings:
        if finding.account != account:
            account = finding.account
            console.print(f"\naccount {escape(account)}" if account else "Segue")
        do = f"; {escape(finding.do)}" if finding.do else ""
        console.print(f"  {MARKS[finding.status]}  {escape(finding.check)}: {escape(finding.told)}{do}")
