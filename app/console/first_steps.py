"""The steps to the first person who is enrolled, which the overview ticks off until there is one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.page import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.reports.overview_store import Standing
    from app.rules.rulebook import Rulebook
    from app.tallies.figures import Funnel, SourceTally

PRACTICE = "practice"  # the source of the rules for practice, which takes what is not signed
CURL = """curl -d '{"type": "signup", "email": "ada@corp.example", "first_name": "Ada"}' """


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One step: whether it is done, what it is, and where. `command` does it in practice."""

    done: bool
    text: str
    url: str
    word: str
    command: str | None = None


def practice_command(book: Rulebook | None, base: str) -> str | None:
    """Return the command that sends an event in practice, None where the rules have no source for it."""
    return f"{CURL}{base}/webhooks/{PRACTICE}" if book and PRACTICE in book.sources else None


def first_steps(
    book: Rulebook | None,
    funnel: Funnel,
    sources: Iterable[SourceTally],
    standing: Standing,
    *,
    lets_in: bool,
    command: str | None,
) -> tuple[FirstStep, ...]:
    """Return the steps, none once an enrollment was done.

    `lets_in` says that some account lets us in; `command` sends an event, None where it is not to be shown.
    """
    if standing.some_done or funnel.enrolled:
        return ()
    sent = "Let an event come: give your tool the URL of a source, or send a sample from the source's page."
    if command:
        sent = "Let an event come: send this one, or a sample from the source's page."
    matched = standing.some_asked or funnel.matched > 0
    came = matched or any(one.last_at for one in sources)  # deliveries are counted some seconds late
    return (
        FirstStep(bool(book and book.rules), "Put rules in force that say whom to enroll.", f"{ROOT}/rules", "Rules"),
        FirstStep(lets_in, "Let Segue into HubSpot, and have the doctor look at it.", f"{ROOT}/accounts", "Accounts"),
        FirstStep(came, sent, f"{ROOT}/sources", "Sources", command),
        FirstStep(
            matched,
            "Let an event match a rule: each event says what every rule made of it.",
            f"{ROOT}/events",
            "Events",
        ),
        FirstStep(done=False, text="See the first person enrolled.", url=f"{ROOT}/enrollments", word="Enrollments"),
    )
