"""The operators' page names every command that looks at HubSpot, and every check of `segue doctor`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import typer

from app.__main__ import build
from app.doctor.facts import Facts
from app.doctor.lookups import waiting_lookups
from app.doctor.named_properties import WriteBack
from app.doctor.report import database, examined, public_url
from app.doctor.requirements import Use, Wanted
from app.enrichment.store import WaitingLookups
from app.errors import LookupFailed, NotSent
from app.hubspot.api.account import AccountDetails
from app.model import Account, Sender

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_command_below_hubspot_is_named() -> None:
    group = typer.main.get_command(build()).commands["hubspot"]  # type: ignore[attr-defined]
    assert all(f"`segue hubspot {name}" in PAGE for name in group.commands)


def test_every_check_of_the_doctor_is_explained_in_its_order() -> None:
    anna = Sender("anna", "7001", "anna@acme.example")
    error = NotSent("nobody was asked")
    facts = Facts(AccountDetails("1", "UTC", None, None), error, error, error, error)
    uses, back = (Use("1", ("demo",), (anna,), by_owners=False),), (WriteBack("source", "segue_source", ("crm",)),)
    wanted = Wanted(Account("main", "x", timezone="UTC"), (anna,), uses, (), back)
    lookups = waiting_lookups([WaitingLookups("crm", LookupFailed.TOKEN_REFUSED, 1, NOW, "401")])
    findings = [database("none", None, NOW.date()), public_url(None, None), *lookups, *examined(wanted, facts, NOW)]
    checks = [
        re.sub(r"(sender) anna|(sequence) \d+|(write_back) source|(lookups of source) crm", r"\1\2\3\4", finding.check)
        for finding in findings
    ]
    table = PAGE[PAGE.index("| check | ") : PAGE.index("What there is to name in rules")]
    assert re.findall(r"^\| ([^|-]+?) \|", table, re.MULTILINE)[1:] == checks
