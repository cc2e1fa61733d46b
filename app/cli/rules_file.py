"""The rules file as commands read it: its path, the environment of its variables, and the account that is meant."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.errors import RulebookError, StartError
from app.model import Account, SourceConfig
from app.rules.file.documents import PlaceholderEnvironment, read_documents
from app.rules.rulebook import Rulebook
from app.variables import FILE

if TYPE_CHECKING:
    from app.settings import Settings

FINDINGS = 3

Rules = Annotated[Path, typer.Argument(envvar="SEGUE_CONFIG", help="The rules file, or a folder of them.")]
RulesOption = Annotated[Path, typer.Option("--rules", envvar="SEGUE_CONFIG", help="The rules file, or a folder.")]
Placeholders = Annotated[
    bool, typer.Option("--placeholders", help="Let undefined ${VARIABLES} stand for themselves: no secrets needed.")
]
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="Read variables from NAME=value lines, too.")]
AccountOption = Annotated[
    str, typer.Option("--account", help="The account's name in the rules, where there are several.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DEFAULT_RULES = Path("rules.yaml")
UNWRITTEN = "none"


def environment_of(env_file: Path | None, *, placeholders: bool = False) -> Mapping[str, str]:
    """Return the environment, with the lines of a file below it. Raises StartError when that cannot be read."""
    values = {**_read_env_file(env_file), **os.environ}
    if not placeholders:
        return values
    # Files with secrets exist where the service runs, not where its rules are checked.
    return PlaceholderEnvironment({name: value for name, value in values.items() if not name.endswith(FILE)})


def _read_env_file(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--env-file: cannot read {path}: {error}") from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def load_rules(path: Path, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules; no HubSpot credential is needed. Raises RulebookError."""
    from app.rules.load import load
    from app.sources import PROVIDERS

    token = environment.get("SEGUE_HUBSPOT_TOKEN", "unset")
    return load(
        read_documents(path), environment=environment, providers=PROVIDERS, default_account=Account("main", token)
    )


def load_or_exit(path: Path, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules, or raise StartError with all their mistakes."""
    try:
        return load_rules(path, environment)
    except RulebookError as error:
        raise StartError(str(error), exit_code=FINDINGS) from error


def rulebook_of(rules: Path, settings: Settings, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules as `serve` would load them, or raise StartError with all their mistakes."""
    from app.rules.wiring import load_rulebook

    try:
        return load_rulebook(read_documents(rules), settings=settings, environment=environment, sandbox=False)
    except RulebookError as error:
        raise StartError(str(error), exit_code=FINDINGS) from error


def rulebook_or_none_yet(rules: Path, settings: Settings, environment: Mapping[str, str]) -> Rulebook:
    """Return the rules; before there is a rules file, a token is enough to list what rules could name."""
    if rules.exists() or settings.hubspot_token is None:
        return rulebook_of(rules, settings, environment)
    account = Account("main", settings.hubspot_token.get_secret_value())
    return Rulebook(UNWRITTEN, (), {"main": account}, {}, {}, {}, ())


def account_named(book: Rulebook, name: str) -> str:
    """Return the key of the account that is named, or of the only one. Raises StartError."""
    if name and name not in book.accounts:
        raise StartError(f"--account: there is no account {name!r} in the rules; there are {_names(book)}")
    if not name and len(book.accounts) > 1:
        raise StartError(f"there are several accounts: name one by --account, {_names(book)}")
    return name or next(iter(book.accounts))


def source_of(book: Rulebook, name: str) -> SourceConfig:
    """Return the source of this name. Raises StartError."""
    if name not in book.sources:
        raise StartError(f"there is no source {name!r}; there are {', '.join(sorted(book.sources)) or 'none'}")
    return book.sources[name]


def _names(book: Rulebook) -> str:
    return ", ".join(sorted(book.accounts))


def print_json(value: Any) -> None:
    """Print a value as JSON, for scripts."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
