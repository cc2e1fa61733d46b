"""What became of an enrolled contact, and what of that is inferred. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.receipts.wording import as_sentence
from app.followup.ends import How

if TYPE_CHECKING:
    from app.console.receipts.enrollment import EnrollmentFacts
    from app.console.receipts.wording import Clock

REPLY = "The reply is inferred: HubSpot dates the last one to any sales e-mail."
NO_ANSWER = (
    "The enrollment itself is inferred: HubSpot's answer to the request was lost, and the contact shows the enrollment."
)
NOT_SEEN = "HubSpot did not show the enrollment on the contact when Segue looked a minute later."
OTHER_SEQUENCE = "HubSpot showed a later sequence on the contact when Segue looked a minute later."
OF_CONFIRMATION = {"not_seen": NOT_SEEN, "other_sequence": OTHER_SEQUENCE}


def afterwards(facts: EnrollmentFacts, clock: Clock) -> tuple[str, ...]:
    """Return what followed: a reply, and how the sequence ended, the earlier one first."""
    found = []
    if facts.replied_at:
        found.append((facts.replied_at, f"A reply came {clock.after(facts.replied_at, facts.at)}."))
    if facts.ended:
        found.append((facts.ended_at or clock.now, _end(facts, clock)))
    return tuple(sentence for _, sentence in sorted(found))


def notes_on(facts: EnrollmentFacts) -> tuple[str, ...]:
    """Return what is inferred, and what is in doubt."""
    notes = [
        NO_ANSWER if not facts.has_answer else "",
        OF_CONFIRMATION.get(facts.confirmation or "", ""),
        REPLY if facts.replied_at else "",
        _of_end(facts),
    ]
    return tuple(filter(None, notes))


def _end(facts: EnrollmentFacts, clock: Clock) -> str:
    at = f" {clock.after(facts.ended_at, facts.at)}" if facts.ended_at else ", when is not known"
    word = "" if facts.ended_known else "probably "
    match facts.ended:
        case How.FINISHED:
            return f"The sequence {word}ran to its end{at}."
        case How.UNENROLLED:
            return f"{facts.person} was {word}taken out of the sequence{at}."
    return f"The sequence has {word}ended{at}; how it ended is not known."


def _of_end(facts: EnrollmentFacts) -> str:
    """Return the stored sentence about the end: it says what is known and what is inferred."""
    if not facts.ended or not facts.ended_why:
        return ""
    return as_sentence(f"Of the end is {facts.ended_why}")
