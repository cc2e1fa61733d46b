"""`segue hubspot sequences`, `owners` and `senders`: what HubSpot has for rules to name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.catalogue.rows import Row, listed_owners, listed_senders, listed_sequences
from app.cli import rules_file
from app.cli.rules_file import DEFAULT_RULES, AccountOption, AsJson, EnvFile, RulesOption, print_json
from app.errors import StartError
from app.masking import printable
from app.rules.rulebook import Rulebook
from app.settings import load_settings

if TYPE_CHECKING:
    from app.cli.session import CommandSession

User = Annotated[str, typer.Option("--user", help="List what the user with this user id may send.")]
Sender = Annotated[str, typer.Option("--sender", help="List what this sender of the rules may send.")]
T = TypeVar("T")
Read: TypeAlias = "Callable[[CommandSession, Rulebook, str], Coroutine[Any, Any, T]]"
WIDE = 200
LIST = ", "


def sequences(
    rules: RulesOption = DEFAULT_RULES,
    *,
    account: AccountOption = "",
    user: User = "",
    sender: Sender = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List the sequences that the senders may send, or one user or sender."""

    async def read(session: CommandSession, book: Rulebook, key: str) -> list[Row]:
        users = users_of(book, user, sender)
        rows, refused = await listed_sequences(await session.client(book.accounts[key]), users)
        for name, refusal in refused.items():
            typer.echo(f"{name}: HubSpot lists nothing: {refusal}; segue doctor says more", err=True)
        return rows

    _list(read, rules, account, env_file, as_json=as_json)


def owners(
    rules: RulesOption = DEFAULT_RULES,
    *,
    account: AccountOption = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List the owners with their two ids: `user_id` is what a sender wants."""

    async def read(session: CommandSession, book: Rulebook, key: str) -> list[Row]:
        return await listed_owners(await session.client(book.accounts[key]))

    _list(read, rules, account, env_file, as_json=as_json)


def senders(
    rules: RulesOption = DEFAULT_RULES,
    *,
    account: AccountOption = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List the senders of the rules as HubSpot knows them, and what they have left of their 24 hours."""

    async def read(session: CommandSession, book: Rulebook, key: str) -> list[Row]:
        statuses = await session.sender_statuses(book, book.accounts[key])
        return await listed_senders(await session.client(book.accounts[key]), book.senders.values(), statuses)

    _list(read, rules, account, env_file, as_json=as_json)


def _list(read: Read[list[Row]], rules: Path, account: str, env_file: Path | None, *, as_json: bool) -> None:
    """Read rows from one account and print them."""
    show(read_live(read, rules, account, env_file), as_json=as_json)


def read_live(read: Read[T], rules: Path, account: str, env_file: Path | None) -> T:
    """Return what `read` gets from one account."""
    from app.cli.session import open_session, run_session

    environment = rules_file.environment_of(env_file)
    settings = load_settings(environment)
    book = rules_file.rulebook_or_none_yet(rules, settings, environment)
    key = rules_file.account_named(book, account)

    async def ask() -> T:
        async with open_session(settings) as session:
            return await read(session, book, key)

    return run_session(ask())


def users_of(book: Rulebook, user: str, sender: str) -> Mapping[str, str]:
    """Return the users whose view is listed: name by user id."""
    if user and sender:
        raise StartError("name either a --user or a --sender")
    if user:
        return {user: user}
    if sender and sender not in book.senders:
        raise StartError(f"--sender: there is no sender {sender!r}; there are {LIST.join(book.senders) or 'none'}")
    return {one.user_id: one.name for one in book.senders.values() if sender in {"", one.name}}


def show(rows: list[Row], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("there are none")
        return
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None)
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    console = Console() if Console().is_terminal else Console(width=WIDE)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable((LIST.join(value) or "none") if isinstance(value, list) else str(value))
