"""What happened in the made-up week: who sent what, when, and what became of it. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from app.cli import demo_events
from tests.support.console_data.cast import ADA, Person, people
from tests.support.console_data.outcomes import (
    Outcome,
    cancelled,
    done,
    enrolled,
    expired,
    held,
    left,
    parked,
    refused,
    replied,
    uncertain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SEED = 17
# A working day's hours by the clock of the account, the busy ones more often.
HOURS = (
    7,
    8,
    8,
    9,
    9,
    9,
    9,
    10,
    10,
    10,
    10,
    11,
    11,
    11,
    12,
    12,
    13,
    13,
    14,
    14,
    14,
    15,
    15,
    15,
    16,
    16,
    17,
    18,
    20,
    22,
)
ZONE = ZoneInfo("Europe/Berlin")
DAYS = 7
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Happening:
    """A delivery so many minutes before now, and what became of the enrollment that it led to, if it did."""

    minutes: float
    source: str
    body: dict[str, Any]
    outcome: Outcome | None = None


def week(now: datetime) -> list[Happening]:
    """Return what happened in the days before `now`, the oldest first."""
    chance, cast = random.Random(SEED), iter(people())  # noqa: S311  # the same each time
    happened = [*_special(cast), *_ordinary(chance, cast, now), *_ada()]
    return sorted(happened, key=lambda one: -one.minutes)


def form(number: int, person: Person, employees: int) -> dict[str, Any]:
    """Return the answered demo form of a person, with a company and a last name."""
    body = demo_events.demo_form(number, person.email, person.first, employees).body
    asked = body["form_response"]
    extra = (("a4", "last_name", "Last name", person.last), ("a5", "company", "Company", person.firm.title()))
    for id_, ref, title, text in extra:
        asked["definition"]["fields"].append({"id": id_, "ref": ref, "type": "short_text", "title": title})
        asked["answers"].append({"type": "text", "text": text, "field": {"id": id_, "type": "short_text", "ref": ref}})
    return body


def _webinar(number: int, person: Person) -> dict[str, Any]:
    body = demo_events.webinar(number, person.email, person.first).body
    body["payload"]["object"]["registrant"]["last_name"] = person.last
    return body


def _meeting(number: int, person: Person) -> dict[str, Any]:
    body = demo_events.meeting(number, person.email).body
    body["payload"]["name"] = f"{person.first} {person.last}"
    return body


def _ada() -> Iterator[Happening]:
    """Return the story of Ada Okafor, whom the pages of one person are shown with."""
    day = MINUTES_A_DAY
    yield Happening(2 * day + 20, "product", demo_events.product(9001, ADA.email, "Page Viewed").body)
    trial = demo_events.product(9002, ADA.email, "Trial Started").body
    yield Happening(2 * day + 2, "product", trial, cancelled("by_rule", "meeting-booked", minutes=1900))
    yield Happening(1 * day + 260, "demo-form", form(9003, ADA, 80), replied("anna", minutes=170))
    yield Happening(1 * day + 190, "crm", demo_events.crm(9004, ADA.email, ADA.first, 91).body)
    yield Happening(1 * day + 85, "meetings", _meeting(9005, ADA), done("cancel"))


def _special(cast: Iterator[Person]) -> Iterator[Happening]:
    """Return what needs a person, and what waits."""
    for number in range(14):
        why = parked("DISCONNECTED_INBOX", "ben", detail="The inbox ben@acme.example is not connected.")
        yield Happening(320 - 9 * number, "webinar", _webinar(8000 + number, next(cast)), why)
    for number in range(9):
        trial = demo_events.product(8100 + number, next(cast).email, "Trial Started").body
        yield Happening(3 * MINUTES_A_DAY - 60 * number, "product", trial, parked("no_sender"))
    for number in range(5):
        yield Happening(
            4 * MINUTES_A_DAY - 31 * number,
            "crm",
            demo_events.crm(8200 + number, next(cast).email, "Rosa", 70).body,
            parked("gave_up", "ben", detail="HTTP 503, 9 tries in 3 days"),
        )
    for number in range(3):
        yield Happening(
            1700 + 200 * number, "demo-form", form(8300 + number, next(cast), 120), parked("unsettled", "anna")
        )
    for number in range(12):
        yield Happening(240 - 16 * number, "demo-form", form(8400 + number, next(cast), 75), held("window"))
    for number in range(5):
        webinar = _webinar(8500 + number, next(cast))
        yield Happening(200 - 11 * number, "webinar", webinar, held("quota", "ben"))
    for number in range(6):
        checkout = demo_events.checkout(8600 + number, next(cast).email).body
        yield Happening(500 - 40 * number, "billing", checkout, held("account_not_connected"))
    yield Happening(6, "crm", demo_events.crm(8700, next(cast).email, "Omar", 88).body, uncertain("ben"))
    yield Happening(
        900, "crm", demo_events.crm(8701, next(cast).email, "Petra", 64).body, cancelled("by_operator", None)
    )
    yield Happening(5000, "crm", demo_events.crm(8702, next(cast).email, "Sven", 64).body, expired())


LATEST = 20  # minutes ago
REPLY_MINUTES = 200
SEQUENCE_MINUTES = 4 * MINUTES_A_DAY  # over which a sequence runs to its end
REFUSALS = ("ALREADY_ENROLLED", "UNSUBSCRIBED", "ALREADY_ENROLLED", "missing_property", "suppressed", "BOUNCED")


def _ordinary(chance: random.Random, cast: Iterator[Person], now: datetime) -> Iterator[Happening]:
    """Return an ordinary week: most who match are enrolled, some reply, some are refused."""
    today, number = now.astimezone(ZONE).replace(minute=0, second=0, microsecond=0), 0
    for day in range(DAYS):
        for hour in HOURS:
            number += 1
            at = today.replace(hour=hour) - timedelta(days=day) + timedelta(minutes=chance.randrange(60))
            minutes = (now - at).total_seconds() / 60
            if minutes < LATEST:
                continue
            person, matched = next(cast), number % 4 != 0
            yield Happening(minutes, *_one(number, person, matched=matched), outcome=_usual(number, minutes))
            seen = demo_events.product(5000 + number, person.email, "Page Viewed").body
            yield Happening(minutes - chance.randrange(1, LATEST), "product", seen)


def _one(number: int, person: Person, *, matched: bool) -> tuple[str, dict[str, Any]]:
    match number % 5:
        case 0 | 1:
            return "demo-form", form(number, person, 60 + number if matched else 12)
        case 2:
            return "crm", demo_events.crm(number, person.email, person.first, 90 if matched else 20).body
        case 3:
            return "product", demo_events.product(number, person.email, "Trial Started").body
        case _:
            return "webinar", _webinar(number, person)


def _usual(number: int, minutes: float) -> Outcome:
    """Return what became of an enrollment that is so many minutes old."""
    sender = ("anna", "cara", "anna", "ben")[number % 4]
    if number % 11 == 0:
        return refused(REFUSALS[number // 11 % len(REFUSALS)], sender)
    if minutes > REPLY_MINUTES and number % 9 == 5:  # some of them
        return replied(sender, minutes=REPLY_MINUTES - 60)
    return left(sender, minutes=SEQUENCE_MINUTES) if minutes > SEQUENCE_MINUTES else enrolled(sender)
