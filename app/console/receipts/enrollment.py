"""The receipt of an enrollment: what became of it, in sentences to paste, for each state and reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.receipts.actions import words_of
from app.console.receipts.afterwards import afterwards, notes_on
from app.console.receipts.wording import as_sentence, rule_named
from app.enrollments.reasons import GOES_ON, OPEN, Why, as_clause, why
from app.masking import masked_text
from app.model import ENROLL, State, Step

if TYPE_CHECKING:
    from datetime import datetime

    from app.console.receipts.actions import Words
    from app.console.receipts.wording import Clock

IN_HAND = "{waiting}: a worker has the enrollment in hand, and the contact is being prepared."
MAYBE_SENT = "A request may have reached HubSpot before: only a look at the contact there tells."
ON_ITS_WAY = "{waiting}: the request is on its way to HubSpot."


@dataclass(frozen=True, slots=True)
class EnrollmentFacts:
    """What a receipt needs of an enrollment.

    `person`, `target` and `sender` are names as people call them; `by` is who cancelled it, where that is known.
    `may_have_been_sent`: a request of it may have worked. `confirmation` is what a later look at the contact showed.
    """

    person: str
    target: str
    state: State
    rule: str
    updated_at: datetime
    due_at: datetime
    action: str = ENROLL
    description: str | None = None
    reason: str | None = None
    detail: str | None = None
    step: str | None = None
    sender: str | None = None
    sending_at: datetime | None = None
    enrolled_at: datetime | None = None
    has_answer: bool = True
    confirmation: str | None = None
    ended: str | None = None
    ended_at: datetime | None = None
    ended_known: bool | None = None
    ended_why: str | None = None
    replied_at: datetime | None = None
    by: str | None = None
    may_have_been_sent: bool = False

    @property
    def at(self) -> datetime:
        """When it reached its final state, as far as that is known."""
        return self.enrolled_at or self.sending_at or self.updated_at


@dataclass(frozen=True, slots=True)
class Receipt:
    """Sentences about one thing.

    `sentences` and `do`, what a person can do, are there to be pasted; `notes` say what is inferred or in doubt, and
    `evidence` is the stored detail, masked. `code` stands below the sentences, never alone.
    """

    sentences: tuple[str, ...]
    do: str = ""
    notes: tuple[str, ...] = ()
    evidence: str = ""
    code: str | None = None

    @property
    def text(self) -> str:
        """What is copied."""
        return " ".join(filter(None, (*self.sentences, self.do)))


def receipt(facts: EnrollmentFacts, clock: Clock) -> Receipt:
    """Return the receipt of an enrollment."""
    words = words_of(facts.action, name=facts.person, target=facts.target)
    reason = why(facts.state, facts.reason, name=facts.person) if facts.reason else None
    match facts.state:
        case State.ENROLLED | State.DONE:
            return _done(facts, words, clock)
        case State.CANCELLED:
            sentence, do = _cancelled(facts, words, clock), ""
        case State.REFUSED | State.EXPIRED | State.PARKED:
            sentence, do = _stopped(facts, words, reason, clock), reason.do if reason else ""
        case State.UNCERTAIN:
            sentence, do = _uncertain(facts, words, reason, clock), GOES_ON
        case State.WORKING:
            sentence, do = _in_hand(facts, words), ""
        case State.HELD | State.READY:
            sentence, do = _waiting(facts, words, reason, clock), reason.do if reason else ""
    return Receipt((sentence,), do, evidence=masked_text(facts.detail or ""), code=facts.reason)


def _done(facts: EnrollmentFacts, words: Words, clock: Clock) -> Receipt:
    sender = f", from {facts.sender}'s inbox" if facts.sender and facts.action == ENROLL else ""
    sentence = f"{words.done} {clock.moment(facts.at)}{sender}, by {_rule(facts)}."
    evidence = masked_text(facts.detail or "")
    return Receipt((sentence, *afterwards(facts, clock)), notes=notes_on(facts), evidence=evidence, code=facts.reason)


def _stopped(facts: EnrollmentFacts, words: Words, reason: Why | None, clock: Clock) -> str:
    """Return the sentence of what does not go on by itself: refused, expired, parked."""
    clause = reason.clause if reason else "no reason is on record"
    if facts.state is State.PARKED:
        is_open = facts.may_have_been_sent or facts.reason in OPEN
        head = f"It is not known whether {as_clause(words.done)}" if is_open else words.waiting
        return (
            f"{head}, and a person must look: {clause}. This was found {clock.moment(facts.updated_at)}; "
            f"it was asked for by {_rule(facts)}."
        )
    settled = f"{words.undone}: {clause}. This was settled {clock.moment(facts.updated_at)}, by {_rule(facts)}."
    return f"{settled} {MAYBE_SENT}" if facts.may_have_been_sent and facts.state is State.EXPIRED else settled


def _cancelled(facts: EnrollmentFacts, words: Words, clock: Clock) -> str:
    by = facts.by or {
        "by_rule": "another rule",
        "by_operator": "an operator",
        "replaced": "a new decision about the same event, whose enrollment took its place",
        "forgotten": "the request to forget the person",
    }.get(facts.reason or "", "a cause that is not on record")
    first = f"{words.undone}: this was cancelled {clock.moment(facts.updated_at)}, by {by}"
    before = "" if facts.may_have_been_sent else ", before anything was sent"
    sent = f" {MAYBE_SENT}" if facts.may_have_been_sent else ""
    return f"{first}{before}. It was asked for by {_rule(facts)}.{sent}"


def _uncertain(facts: EnrollmentFacts, words: Words, reason: Why | None, clock: Clock) -> str:
    clause = reason.clause if reason else "HubSpot's answer is not on record"
    sent = f" (it was sent {clock.moment(facts.sending_at)})" if facts.sending_at else ""
    return (
        f"It is not known yet whether {as_clause(words.done)}: {clause}{sent}. Segue reads the contact in HubSpot, "
        f"next {clock.moment(facts.due_at)}, and sends nothing before HubSpot shows what became of it."
    )


def _in_hand(facts: EnrollmentFacts, words: Words) -> str:
    return (ON_ITS_WAY if facts.step == Step.SENDING else IN_HAND).replace("{waiting}", words.waiting)


def _waiting(facts: EnrollmentFacts, words: Words, reason: Why | None, clock: Clock) -> str:
    clause = f": {reason.clause}" if reason else ""
    then = (
        f"Segue goes on with it {clock.moment(facts.due_at)}"
        if facts.due_at > clock.now
        else "It goes on as soon as a worker takes it up"
    )
    return f"{words.waiting}{clause}. {then}; it was asked for by {_rule(facts)}."


def _rule(facts: EnrollmentFacts) -> str:
    return rule_named(facts.rule, facts.description)


def as_text(receipts: tuple[Receipt, ...]) -> str:
    """Return several receipts as one text to paste."""
    return " ".join(as_sentence(one.text) for one in receipts)
