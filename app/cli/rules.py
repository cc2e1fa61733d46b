"""`check`, `test`, `explain`, `schema`: rules without a running service."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from app.cli.rules_file import (
    DEFAULT_RULES,
    FINDINGS,
    AsJson,
    EnvFile,
    Placeholders,
    Rules,
    environment_of,
    load_or_exit,
    load_rules,
    print_json,
)
from app.clock import utc_now
from app.errors import Mistake, NoEvent, RulebookError, StartError
from app.model import Decision, Event
from app.rules.examples import Outcome, described, run_examples
from app.rules.file.documents import PlaceholderEnvironment
from app.rules.file.json_schema import json_schema
from app.rules.match import decide, heard
from app.rules.rulebook import Rulebook
from app.rules.tried import event_of
from app.sources import PROVIDERS


def check(
    path: Rules = DEFAULT_RULES,
    *,
    against_hubspot: Annotated[
        bool, typer.Option("--against-hubspot", help="Ask HubSpot for the contact properties that the rules name, too.")
    ] = False,
    placeholders: Placeholders = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Find every mistake in the rules, as file:line:column: message. Exit 3 on findings; notes are no findings."""
    try:
        findings = _findings(path, environment_of(env_file, placeholders=placeholders), against_hubspot=against_hubspot)
    except RulebookError as error:
        findings = list(error.mistakes)
    counted = [finding for finding in findings if finding.level != "note"]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.file}:{finding.line}:{finding.column}: {finding.level}: {finding.message}")
        number = f"{len(counted)} finding{'' if len(counted) == 1 else 's'}"
        typer.echo(number if counted else f"{path}: no findings", err=bool(counted))
    raise typer.Exit(FINDINGS if counted else 0)


def _findings(path: Path, environment: Mapping[str, str], *, against_hubspot: bool) -> list[Mistake]:
    """Return what the rules alone show, and what HubSpot's definitions show. Raises RulebookError, and StartError."""
    if not against_hubspot:
        from app.cli.rule_findings import rule_findings

        book = load_rules(path, environment)
        placeholders = isinstance(environment, PlaceholderEnvironment)
        return rule_findings(book) + ([] if placeholders else _refused_by_serve(book, environment))
    from app.cli.against_hubspot import findings_against_hubspot

    return findings_against_hubspot(path, environment)


def _refused_by_serve(book: Rulebook, environment: Mapping[str, str]) -> list[Mistake]:
    """Return what `serve` refuses for want of settings. Raises StartError for settings that cannot be used."""
    from app.accounts.sandbox_mode import is_practice
    from app.rules.wiring import refused_accounts
    from app.settings import load_settings

    if not any(account.oauth or is_practice(account.name) for account in book.accounts.values()):
        return []
    return list(refused_accounts(book, load_settings(environment), environment))


def run_tests(
    path: Rules = DEFAULT_RULES,
    *,
    run: Annotated[str, typer.Option(help="Only rules or examples whose names match this regular expression.")] = "",
    placeholders: Placeholders = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the examples in the rules file. Exit 1 when one comes to something else than it expects, or none is run."""
    book = load_or_exit(path, environment_of(env_file, placeholders=placeholders))
    chosen = _pattern(run)
    outcomes = [o for o in run_examples(book) if chosen.search(o.rule) or chosen.search(o.example)]
    failed = [outcome for outcome in outcomes if outcome.difference]
    if as_json:
        print_json([{**asdict(outcome), "passed": not outcome.difference} for outcome in outcomes])
    else:
        _print_outcomes(outcomes, failed)
    raise typer.Exit(1 if failed or not outcomes else 0)


def explain(
    path: Rules = DEFAULT_RULES,
    *,
    event: Annotated[str, typer.Option(help="A JSON file with the event, or - for standard input.")],
    source: Annotated[str, typer.Option(help="The source it comes from, where the event does not say.")] = "",
    expect: Annotated[str, typer.Option(help="A rule's id, or none: exit 1 when another one decides.")] = "",
    placeholders: Placeholders = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what one event would come to, which rules looked at it, and why each said what it said."""
    book = load_or_exit(path, environment_of(env_file, placeholders=placeholders))
    subject = _event(event, source, book)
    decisions = decide(subject, book)
    if as_json:
        print_json([_decision(decision) for decision in decisions])
    else:
        _print_tree(subject, decisions, listened=heard(subject, book))
    decided = [decision.rule for decision in decisions if decision.rule is not None]
    wanted = not expect or expect in decided or (expect == "none" and not decided)
    raise typer.Exit(0 if wanted else 1)


def schema() -> None:
    """Print the JSON Schema of the rules file, for editors."""
    print_json(json_schema(PROVIDERS))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise StartError(f"--run: not a regular expression: {error}") from error


def _event(where: str, source: str, book: Rulebook) -> Event:
    """Read an event in the form of the examples. Raises StartError, which names the mistake."""
    try:
        text = sys.stdin.read() if where == "-" else Path(where).read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise StartError(f"--event: {where} cannot be read as JSON: {error}") from error
    if not isinstance(given, dict):
        raise StartError(f"--event: {where} must hold one JSON object with type, email, data, ...")
    given.setdefault("source", source)
    if given["source"] not in book.sources:
        names = ", ".join(sorted(book.sources))
        raise StartError(
            f"--source: there is no source {given['source']!r}; name one of {names}, or put it in the event"
        )
    try:
        return event_of(given, book, utc_now())
    except NoEvent as error:
        raise StartError(f"--event: {error}") from error


def _decision(decision: Decision) -> dict[str, Any]:
    request = decision.enroll
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "rule": decision.rule,
        "line": decision.line,
        "revision": decision.revision,
        "sequence": request.sequence if request else None,
        "sender": request.plan.sender if request else None,
        "intent": request.intent.name if request else None,
        "properties": dict(request.properties) if request else {},
        "facts": [
            {"rule": f.rule, "line": f.line, "matched": f.matched, "because": f.because, "detail": f.detail}
            for f in decision.facts
        ],
    }


def _print_outcomes(outcomes: list[Outcome], failed: list[Outcome]) -> None:
    console = Console()
    for outcome in failed:
        place = f"{outcome.file}:{outcome.line}"
        console.print(f"[red]FAIL[/] {escape(outcome.rule)}: {escape(outcome.example)} ({escape(place)})")
        console.print(f"     {escape(outcome.difference)}")
    if not outcomes:
        console.print("there is no example to run")
    console.print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")


def _print_tree(event: Event, decisions: list[Decision], *, listened: bool) -> None:
    tree = Tree(f"{escape(event.source)} {escape(event.type)!r}")
    if not listened:
        tree.add("no rule listens to this source and type: it is counted and not stored")
    for decision in decisions if listened else []:
        for fact in decision.facts:
            mark = "[green]matched[/]" if fact.matched else "[yellow]error[/]" if fact.error else "no match"
            branch = tree.add(f"{escape(fact.rule)} (line {fact.line}): {mark}: {escape(fact.because)}")
            if fact.detail:
                branch.add(escape(fact.detail))
        tree.add(f"[bold]{escape(described(decision))}[/]")
    Console().print(tree)
