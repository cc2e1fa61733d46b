"""The facts at the side of a person's page: how the person stands now, and what is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.page import ROOT
from app.console.receipts.of_rows import target_of_row
from app.console.receipts.standing import written_to
from app.console.states import shown
from app.console.text import day, masked, moment
from app.masking import masked_text
from app.model import State
from app.reports.person_statements import MOST_INTENTS, MOST_LOOKED_AT, MOST_WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.catalogue.listing_store import Names
    from app.console.page import Visit
    from app.people.suppression import Suppression
    from app.reports.person_store import PersonPage, Standing
    from app.rules.rulebook import Rulebook

CONTACT_URL = "https://app.hubspot.com/contacts/{portal}/record/0-1/{contact}"
MOST = 5  # of one fact's values
WAITING = (State.HELD, State.READY)  # what one cancel ends


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a fact, and where it leads."""

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact with its values."""

    label: str
    values: tuple[Value, ...]


def now_facts(page: PersonPage, book: Rulebook, by_rules: Suppression | None, visit: Visit) -> tuple[Fact, ...]:
    """Return how the person stands now. `by_rules` is what of the rules suppresses the address."""
    standing = page.standing
    facts = [
        _fact("Waiting", [_waiting(one, page.names) for one in standing.waiting], none="nothing", most=MOST_WAITING),
        _fact("In a sequence", [_running(page, visit)] if standing.running else [], none="none that is known"),
        _fact(
            "Suppressed",
            _suppressed(standing.entry is not None, standing.forgotten_at is not None, by_rules),
            none="no",
        ),
        _fact("Enrolled", _enrolled(page, book)),
        _fact("Intents taken", [_taken(one, visit) for one in standing.intents], none="none", most=MOST_INTENTS),
        _fact("Stays with", [Value(_stays(one)) for one in standing.stays_with]),
    ]
    return tuple(fact for fact in facts if fact.values)


def known_facts(page: PersonPage, visit: Visit, *, practice: bool) -> tuple[Fact, ...]:
    """Return what is known of the person. In practice contacts are those of the sandbox, which has no pages."""
    standing = page.standing
    company, most = standing.named.get("company"), 0 if standing.enrollments_cut else None
    first = standing.first_received_at
    facts = [
        _fact("Company", [Value(masked_text(company))] if company else []),
        _fact("Contact", [_contact(one, practice=practice) for one in standing.contacts], most=most),
        _fact("Other addresses", [Value(masked(one)) for one in standing.related], most=most),
        _fact("Received from", [Value(one) for one in standing.sources]),
        _fact("First received", [Value(moment(first, visit.now, visit.zone))] if first else []),
        _fact("Looked at", _looked_at(standing)),
    ]
    return tuple(fact for fact in facts if fact.values)


def waiting_of(standing: Standing) -> list[Mapping[str, Any]]:
    """Return what one cancel would end, the newest first, of what of it was read."""
    return [one for one in standing.waiting if one["state"] in WAITING]


def _fact(label: str, values: Iterable[Value], *, none: str = "", most: int | None = None) -> Fact:
    """Return a fact with its first values. Where there are `most` of them, there may be others that were not read."""
    found = tuple(values)
    at_least = "at least " if most is not None and len(found) >= most else ""
    more = (Value(f"{at_least}{len(found) - MOST} more"),) if len(found) > MOST else ()
    return Fact(label, (*found[:MOST], *more) or ((Value(none),) if none else ()))


def _looked_at(standing: Standing) -> list[Value]:
    """Return among what the facts were found, where that is not all."""
    words = (("events", standing.events_cut), ("enrollments", standing.enrollments_cut))
    return [Value(f"the newest {MOST_LOOKED_AT} {word}, not earlier ones") for word, is_cut in words if is_cut]


def _waiting(one: Mapping[str, Any], names: Names) -> Value:
    return Value(f"{target_of_row(one, names)}, {shown(one['state'])[1]}", f"{ROOT}/enrollments/{one['id']}")


def _running(page: PersonPage, visit: Visit) -> Value:
    one: Mapping[str, Any] = {"plan": {}, **(page.standing.running or {})}
    since = moment(one["enrolled_at"], visit.now, visit.zone)
    return Value(f"{target_of_row(one, page.names)}, since {since}", f"{ROOT}/enrollments/{one['id']}")


def _suppressed(*how: object) -> list[Value]:
    in_list, forgotten, by_rules = how
    words = (("by the list", in_list), ("by the rules", by_rules), ("was forgotten", forgotten))
    return [Value(word) for word, is_so in words if is_so]


def _enrolled(page: PersonPage, book: Rulebook) -> list[Value]:
    """Return how often the person was enrolled, for each account whose rules limit that."""
    found = []
    for account in book.accounts.values():
        if cap := account.per_person:
            said = written_to(page.standing.enrolled.get(account.name, 0), cap.enrollments, cap.period)
            said = f"at least {said}" if page.standing.enrollments_cut else said
            found.append(Value(said if len(book.accounts) == 1 else f"{said} ({account.name})"))
    return found


def _taken(one: Mapping[str, Any], visit: Visit) -> Value:
    return Value(f"{one['intent']}, until {day(one['until'], visit.now, visit.zone)}")


def _stays(one: Mapping[str, Any]) -> str:
    return f"{one['sender']} (pool {one['pool']}{', by company' if one['by_company'] else ''})"


def _contact(one: Mapping[str, Any], *, practice: bool) -> Value:
    portal = None if practice else one["portal_id"]
    url = CONTACT_URL.format(portal=portal, contact=one["contact_id"]) if portal else None
    return Value(f"{one['contact_id']} in HubSpot ({one['account']})", url)
