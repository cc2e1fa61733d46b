"""`segue check --against-hubspot`: the contact properties that rules name, held to HubSpot's definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.cli.rule_findings import rule_findings
from app.cli.session import CommandSession, open_session, run_session
from app.doctor.facts import because
from app.doctor.properties import wrong_properties
from app.doctor.requirements import wanted
from app.doctor.write_backs import wrong_write_back
from app.errors import Mistake, SegueError, StartError
from app.hubspot.properties import read_definitions
from app.rules.file.documents import read_documents
from app.rules.wiring import load_rulebook
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app.doctor.properties import WrongProperty
    from app.doctor.requirements import Wanted
    from app.settings import Settings


def findings_against_hubspot(path: Path, environment: Mapping[str, str]) -> list[Mistake]:
    """Return what the rules alone show, and what HubSpot will refuse by the definitions of each account.

    Raises RulebookError, and StartError where the definitions cannot be read.
    """
    settings = load_settings(environment)
    book = load_rulebook(read_documents(path), settings=settings, environment=environment, sandbox=False)
    accounts = [wanted(book, key) for key in book.accounts]
    named = [one for one in accounts if one.named or one.write_backs]
    return [*rule_findings(book), *run_session(_judged(settings, named))]


async def _judged(settings: Settings, accounts: list[Wanted]) -> list[Mistake]:
    async with open_session(settings) as session:
        return [_mistake(wrong) for one in accounts for wrong in await _wrong(session, one)]


async def _wrong(session: CommandSession, account: Wanted) -> list[WrongProperty]:
    client = await session.client(account.account)
    try:
        definitions = await read_definitions(client)
    except SegueError as error:
        message = f"--against-hubspot: which properties HubSpot has in account {account.account.name!r} cannot be read"
        raise StartError(f"{message}: {because(error)}") from error
    key = f"account {account.account.name}, `write_back`"
    refused = filter(None, (wrong_write_back(one, definitions) for one in account.write_backs))
    named = (replace(wrong, problem=f"{key}: {wrong.problem}") for wrong in refused)
    return [*wrong_properties(account.named, definitions), *named]


def _mistake(wrong: WrongProperty) -> Mistake:
    return Mistake(*wrong.place, f"{wrong.problem}; {wrong.do}", "error" if wrong.sure else "warning")
