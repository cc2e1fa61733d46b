"""One HubSpot account: its grant, its budgets, who is held for it, and what the doctor found of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.accounts.credentials import credentials
from app.accounts.identity_store import IdentityStore
from app.console import account_changes as changes
from app.console.account_line import AccountFacts, AccountLine, line_of, url_of
from app.console.account_words import MARKS, one_in_words, run_in_words
from app.console.lists import with_query
from app.console.page import JOB_SECONDS, LIVE_SECONDS, ROOT, Pages, Visit, not_there
from app.console.receipts.wording import as_sentence
from app.console.text import moment
from app.doctor.run_store import DoctorRunStore
from app.enrollments.reasons import why as why_of
from app.hubspot.budget_store import read_budget
from app.masking import masked_text
from app.model import NOT_CONNECTED, State
from app.operators import Role
from app.reports.held_store import held_by_reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.model import Account

DONE = "done"
A_PERSON = "the person"
WAITS = "A worker looks at it now: each check is a question to HubSpot, and nothing is written there."


@dataclass(frozen=True, slots=True)
class Held:
    """How many enrollments are held for one reason, in words, and where they are listed."""

    why: str
    code: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a mark, a word, a sentence, and what to do."""

    check: str
    mark: str
    word: str
    told: str
    do: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the doctor. `over` says that nothing of it changes any more."""

    id: str
    url: str
    asked_by: str
    asked_at: datetime
    mark: str
    words: str
    over: bool
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One account. `runs` are the doctor's last ones, `findings` those of the newest that is done."""

    sentence: str
    account: AccountLine
    timezone: str | None
    scopes: Sequence[str]
    granted_at: datetime | None
    held: Sequence[Held]
    runs: Sequence[Run]
    findings: Sequence[Finding]
    doctor_url: str | None
    connect_url: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run of the doctor."""

    name: str
    account_url: str
    sentence: str
    run: Run
    over: bool


def pages(console: Console) -> Pages:
    """Return the page, and that of one run."""
    pages, shown = Pages(), _Account(console, IdentityStore(console.reads), DoctorRunStore(console.reads))
    pages.show("/accounts/{account}", "account.html", live=LIVE_SECONDS)(shown.account)
    pages.show("/accounts/{account}/doctor/{run_id}", "doctor_run.html", live=JOB_SECONDS)(shown.doctor_run)
    return pages


@dataclass(frozen=True, slots=True)
class _Account:
    console: Console
    identities: IdentityStore
    doctor: DoctorRunStore

    async def account(self, visit: Visit) -> AccountPage:
        process, reads = self.console.process, self.console.reads
        one = changes.account_of(process, visit)
        credential = await self._credential(one)
        identity = await self.identities.identity(one.name)
        budget = await read_budget(reads, one, headroom=process.settings.rate_headroom)
        held = await held_by_reason(reads, one.name)
        waiting = sum(each["count"] for each in held if each["reason"] == NOT_CONNECTED)
        line = line_of(AccountFacts(credential, one.oauth, identity["portal_id"], budget, waiting, None), visit)
        runs = [_run(run, visit) for run in await self.doctor.runs(one.name)]
        may_change = visit.may(Role.ADMIN)
        return AccountPage(
            sentence=one_in_words(line.standing, budget, visit.now, visit.zone),
            account=line,
            timezone=identity["timezone"] or one.timezone,
            scopes=credential.get("scopes", ()),
            granted_at=credential.get("updated_at"),
            held=[_held(one.name, each) for each in held],
            runs=runs,
            findings=next((run.findings for run in runs if run.over), ()),
            doctor_url=url_of(one.name, "/doctor") if may_change else None,
            connect_url=url_of(one.name, "/connect") if may_change and one.oauth else None,
        )

    async def _credential(self, one: Account) -> Mapping[str, Any]:
        oauth = self.console.process.oauth
        return credentials({one.name: one.oauth}, await oauth.grants.listed() if oauth else ())[one.name]

    async def doctor_run(self, visit: Visit) -> RunPage:
        name, id_ = changes.account_of(self.console.process, visit).name, visit.parameters["run_id"]
        found = next((_run(run, visit) for run in await self.doctor.runs(name) if run["id"] == id_), None)
        if found is None:
            raise not_there("run of the doctor with this id; the last five of each account are kept")
        sentence = as_sentence(found.words) if found.over else WAITS
        return RunPage(name, url_of(name), sentence, found, found.over)


def _held(account: str, row: Mapping[str, Any]) -> Held:
    code = row["reason"] or ""
    clause = why_of(State.HELD, code, name=A_PERSON).clause if code else "no reason is recorded"
    asked = {"state": str(State.HELD), "account": account, "reason": code, "period": "30d"}
    url = with_query(f"{ROOT}/enrollments", {name: value for name, value in asked.items() if value})
    return Held(as_sentence(clause), code, row["count"], url)


def _run(row: Mapping[str, Any], visit: Visit) -> Run:
    over = row["state"] == DONE
    mark, words = (
        run_in_words(row, visit.now, visit.zone)
        if over
        else ("wait", f"{row['state']}, asked for {moment(row['asked_at'], visit.now, visit.zone)}")
    )
    return Run(
        id=row["id"],
        url=url_of(row["account"], f"/doctor/{row['id']}"),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        mark=mark,
        words=words,
        over=over,
        findings=_findings(row["findings"]),
    )


def _findings(rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return what was found, the gravest first."""
    order = [str(status) for status in MARKS]
    found = sorted(rows, key=lambda row: order.index(row["status"]) if row["status"] in order else len(order))
    return [
        Finding(
            check=row["check"],
            mark=MARKS.get(row["status"], "no"),
            word=row["status"],
            told=as_sentence(masked_text(row["told"])),
            do=as_sentence(masked_text(row["do"])),
        )
        for row in found
    ]
