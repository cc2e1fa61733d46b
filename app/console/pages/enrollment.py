"""One enrollment: what became of it, line by line in words, and who sends it and why none of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from app.accounts.identity_store import IdentityStore
from app.console import enrollment_changes as changes
from app.console.enrollment_words import person_of, receipt_of
from app.console.lists import PAGE_ROWS, Listed, Slice, number_of, sliced
from app.console.page import Pages, Visit, not_there
from app.console.receipts.journal import line_sentence
from app.console.receipts.of_rows import description_of, target_of_row
from app.console.receipts.wording import as_sentence, rule_named
from app.console.states import shown
from app.console.text import masked
from app.database.engine import busy_when_gone
from app.hubspot.api.faults import faults
from app.masking import masked_text
from app.model.states import FINAL
from app.operators import Role
from app.reports.enrollments_store import EnrollmentReads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.console.receipts.enrollment import Receipt
    from app.reports.enrollments_store import One
    from app.rules.rulebook import Rulebook

CONTACT_URL = "https://app.hubspot.com/contacts/{portal}/record/0-1/{contact}"
NUMBER = "^[0-9]{1,18}$"
FAULTS_PAGE = "docs/faults.md"


class Asked(Listed):
    """Which page of the journal: lines have numbers."""

    before: str | None = Field(None, pattern=NUMBER)
    after: str | None = Field(None, pattern=NUMBER)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the journal. `attempt` is the number of the attempt, 0 for what is none."""

    at: datetime
    state: str
    said: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Considered:
    """A sender that was considered, and why it was taken or not."""

    sender: str
    chosen: bool
    because: str


@dataclass(frozen=True, slots=True)
class EnrollmentPage:
    """One enrollment. `steps` are a page of its journal, the oldest of them first.

    `contact_url` leads to HubSpot; `may_release` and `may_cancel` are what this person may do now.
    `fault` is where the documentation says more of HubSpot's reason.
    """

    id: str
    person: str
    address: str
    person_url: str | None
    target: str
    mark: str
    word: str
    final: bool
    receipt: Receipt
    fault: str | None
    steps: Slice[Step]
    considered: Sequence[Considered]
    rule: str
    source: str
    account: str
    sender: str | None
    intent: str
    created_at: datetime
    expires_at: datetime | None
    tries: int
    contact_id: str | None
    contact_url: str | None
    event_id: str
    decision_id: str
    may_release: bool
    may_cancel: bool


def pages(console: Console) -> Pages:
    """Return the page, and its two changes."""
    pages, reads = Pages(), EnrollmentReads(console.reads)
    identities, links = IdentityStore(console.reads), console.links

    @pages.show("/enrollments/{enrollment_id}", "enrollment.html")
    async def enrollment(visit: Visit) -> EnrollmentPage:
        asked = visit.query(Asked)
        found = await reads.one(
            visit.parameters["enrollment_id"],
            before=number_of(asked.before),
            after=number_of(asked.after),
            lines=PAGE_ROWS + 1,
        )
        if found is None:
            raise not_there("enrollment with this id")
        with busy_when_gone():
            portals = {} if console.process.practice else await identities.portals()
        url = await links.urls()
        return _page(visit, found, portals, url(found.row["email"]), console.process.current_rulebook())

    changes.add(pages, console, reads)
    return pages


def _page(visit: Visit, one: One, portals: Mapping[str, str], url: str | None, book: Rulebook) -> EnrollmentPage:
    row = one.row
    mark, word = shown(row["state"])
    portal, contact = portals.get(row["account"]), row["contact_id"]
    found = {name: row[name] for name in _AS_STORED}
    return EnrollmentPage(
        person=person_of(row),
        sender=one.names.sender(row["account"], row["sender_user_id"]) or row["sender"],
        address=masked(row["email"]) if "@" in row["email"] else "",
        person_url=url,
        target=target_of_row(row, one.names),
        mark=mark,
        word=word,
        final=row["state"] in FINAL,
        receipt=receipt_of(one, book, visit),
        fault=_fault(row["reason"]),
        steps=_steps(one, book, visit),
        considered=[_considered(one) for one in row["assignment"] or ()],
        contact_url=CONTACT_URL.format(portal=portal, contact=contact) if portal and contact else None,
        may_release=visit.may(Role.OPERATOR) and changes.may_be_released(row),
        may_cancel=visit.may(Role.OPERATOR) and changes.may_be_cancelled(row),
        **found,
    )


_AS_STORED = (
    "id", "rule", "source", "account", "intent", "created_at", "expires_at", "tries", "contact_id",
    "event_id", "decision_id",
)  # fmt: skip


def _fault(reason: str | None) -> str | None:
    fault = faults().get(reason or "")
    return f"{FAULTS_PAGE}#{fault.anchor}" if fault else None


def _steps(one: One, book: Rulebook, visit: Visit) -> Slice[Step]:
    """Return the page of the journal. Pages follow each other from the newest line on; each reads downwards."""
    newest_first = one.lines[::-1]
    steps, numbers = [_step(line, book) for line in newest_first], [str(line["id"]) for line in newest_first]
    listed = sliced(steps, numbers, visit.query(Asked), visit)
    return replace(listed, items=listed.items[::-1])


def _step(line: Mapping[str, Any], book: Rulebook) -> Step:
    rule = line["by_rule"]
    by = rule_named(rule, description_of(book, rule)) if rule else line["by_operator"]
    said = as_sentence(line_sentence(line["cause"], line["detail"], by=by))
    return Step(line["at"], shown(line["after"])[1], said, line["attempt"])


def _considered(one: Mapping[str, Any]) -> Considered:
    return Considered(str(one.get("sender")), bool(one.get("chosen")), masked_text(str(one.get("because") or "")))
