"""`segue hubspot sequence` and `segue hubspot status`: what HubSpot says now of one sequence, and of one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.catalogue.live import live_enrollment, live_sequence
from app.cli.catalogue import Sender, User, read_live, show, users_of
from app.cli.rules_file import DEFAULT_RULES, AccountOption, AsJson, EnvFile, RulesOption, print_json
from app.errors import StartError
from app.people.addresses import normalise

if TYPE_CHECKING:
    from app.catalogue.rows import Row
    from app.cli.session import CommandSession
    from app.rules.rulebook import Rulebook

SequenceId = Annotated[str, typer.Argument(help="The sequence's id.")]
Email = Annotated[str, typer.Option("--email", help="The person's address.")]


def sequence(
    sequence_id: SequenceId,
    rules: RulesOption = DEFAULT_RULES,
    *,
    account: AccountOption = "",
    user: User = "",
    sender: Sender = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one sequence with its steps: their delays, templates and tasks, as far as HubSpot tells."""
    if not (sequence_id.isascii() and sequence_id.isdecimal()):
        raise StartError("a sequence's id is a number; segue hubspot sequences lists them")

    async def read(session: CommandSession, book: Rulebook, key: str) -> Row:
        client = await session.client(book.accounts[key])
        return await live_sequence(client, users_of(book, user, sender), sequence_id)

    row = read_live(read, rules, account, env_file)
    if as_json:
        print_json(row)
        return
    steps = row.pop("steps")
    show([row], as_json=False)
    show([{"step": number, **step} for number, step in enumerate(steps, start=1)], as_json=False)


def status(
    rules: RulesOption = DEFAULT_RULES,
    *,
    email: Email,
    account: AccountOption = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask HubSpot now whether a person is in a sequence, and which one."""
    address = normalise(email)
    if address is None:
        raise StartError("--email: this is no usable e-mail address")

    async def read(session: CommandSession, book: Rulebook, key: str) -> Row:
        return await live_enrollment(await session.client(book.accounts[key]), address)

    row = read_live(read, rules, account, env_file)
    if as_json:
        print_json(row)
        return
    typer.echo(row["detail"])
    for name in ("enrollment", "latest"):
        if row[name]:
            show([row[name]], as_json=False)
