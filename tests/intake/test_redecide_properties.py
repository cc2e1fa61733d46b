"""Whatever happens to events in whatever order: of one intent at most one enrollment may have been sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from app.clock import utc_now
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.enrollments.outcome import Change, Patience
from app.enrollments.record import Recorder
from app.errors import DeclinedError, NotSent, OutcomeUnknown, ParkedError, Refusal, SegueError
from app.model import Baseline, Sender, State, Step
from app.people.identity import Person
from tests.support.decided_again import DEMO, Desk
from tests.support.enrollments import worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Enrollment

ANNA = Sender("anna", "7001", "anna@acme.example")
OTHER_INTENT = DEMO.replace("intent: demo", "intent: other").replace("id: demo", "id: other")
RULES = {
    "as before": DEMO,
    "renamed": DEMO.replace("id: demo", "id: other").replace("310001", "310003"),
    "another intent": OTHER_INTENT,
    "both": DEMO + "    continue: true\n" + OTHER_INTENT,
    "no match": DEMO + "    when: event.data.employees > 800\n",
}
BEFORE_SENDING: dict[str, SegueError] = {
    "park": ParkedError("no_sender", "nobody sends"),
    "decline": DeclinedError("suppressed", "it is suppressed"),
}
ANSWERS: dict[str, SegueError | None] = {
    "enroll": None,
    "refuse": Refusal("UNSUBSCRIBED", status=400),
    "refuse for the rule": Refusal("SEQUENCE_ID_INVALID", status=404),
    "not sent": NotSent("no connection"),
    "lose the answer": OutcomeUnknown("timeout"),
}
SETTLED = ["settle: send again", "settle: park"]
SENT = ["send 1", "send 2"]
OPERATED = ["decide 1", "decide 2", "decide both twice", "release", "cancel"]
# How the first enrollment ends: otherwise than enrolled, so that there is something to decide again.
FIRST_ENDS = [
    *[["lose the answer", one] for one in SETTLED],
    ["lose the answer", "settle: send again", "refuse"],
    *[[one] for one in (*BEFORE_SENDING, *ANSWERS) if one not in {"enroll", "lose the answer"}],
]
# One database takes all the histories, each with a person of its own.
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NUMBERS = count()


class History:
    """One person's events, and what a worker and an operator do about them. `reached` may have been enrolled."""

    def __init__(self, engine: AsyncEngine, email: str) -> None:
        self.desk, self.email, self.reached = Desk(engine), email, set[str]()
        self.contact = Person(email, (email,))  # a contact's id is any text
        self.store = worker(engine)
        self.operators = EnrollmentOperatorStore(engine)
        self.recorder = Recorder(
            self.store, Patience(settle_seconds=0.0), now=utc_now, random=lambda: 0.5, observe=lambda _: None
        )

    async def take(self, step: str) -> None:
        if step in RULES:
            self.desk.mend(RULES[step])
        elif step in SENT:
            accepted = await self.desk.send(f"{self.email} {step}", email=self.email)
            for event_id in accepted.again:
                await self.desk.redecider.event(event_id, by="resend")
        elif step in OPERATED:
            await self._operate(step)
        elif step in SETTLED:
            await self._settle(step)
        else:
            await self._work(step)

    async def _operate(self, step: str) -> None:
        if step in {"release", "cancel"}:
            for id_ in await self._own("SELECT id FROM enrollments WHERE state = 'parked' AND"):
                await (self.operators.release(id_) if step == "release" else self.operators.cancel(id_))
            return
        events = await self._own("SELECT id FROM events WHERE")
        chosen = events * 2 if step.endswith("twice") else events[int(step[-1]) - 1 :][:1]
        await asyncio.gather(*(self.desk.decide(event_id) for event_id in chosen))

    async def _work(self, step: str) -> None:
        """Take what is due for the person one step, as a worker does."""
        await self.desk.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'ready'")
        for claimed in await self.store.claim_ready(1000):
            if claimed.email != self.email:
                continue
            await self.store.checkpoint_prepared(claimed, self.contact, Baseline(None, None, None), None)
            if step in BEFORE_SENDING:
                await self.recorder.failed(claimed, BEFORE_SENDING[step])
            else:
                await self._send(claimed, ANSWERS[step])

    async def _send(self, claimed: Enrollment, answer: SegueError | None) -> None:
        sent_at = await self.store.commit_sending(claimed, ANNA, limit=None)
        sent = replace(claimed, step=Step.SENDING, sending_at=sent_at)
        if answer is None:
            self.reached.add(claimed.id)
            await self.recorder.enrolled(sent, "enrolled")
            return
        if isinstance(answer, OutcomeUnknown):
            self.reached.add(claimed.id)
        elif isinstance(answer, Refusal) and answer.code == "UNSUBSCRIBED":
            self.reached.discard(claimed.id)  # HubSpot's own refusal settles an earlier request, too
        await self.recorder.failed(sent, answer, answered=isinstance(answer, Refusal))

    async def _settle(self, step: str) -> None:
        await self.desk.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'uncertain'")
        again = step == "settle: send again"
        for claimed in await self.store.claim_uncertain(1000):
            if claimed.email == self.email:
                after = State.READY if again else State.PARKED
                await self.recorder.move(claimed, after, Change("settled", None if again else "unsettled"))

    async def _own(self, statement: str) -> list[str]:
        return [row[0] for row in await self.desk.run(f"{statement} email = '{self.email}' ORDER BY id")]

    async def require_once(self) -> None:
        rows = await self.desk.run(f"SELECT id, intent FROM enrollments WHERE email = '{self.email}'")  # noqa: S608  # ours
        reached = [intent for id_, intent in rows if id_ in self.reached]
        assert len(set(reached)) == len(reached), rows


def history_of(random: Random) -> list[str]:
    """Return steps: in each round the rules may change, something comes or an operator acts, and a worker works.

    They are drawn evenly, which finds rare orders far sooner than small examples do.
    """
    steps = ["send 1", *random.choice(FIRST_ENDS)]
    for _ in range(random.randint(3, 8)):
        steps += random.choice([[], [], [], *[[one] for one in RULES]])
        steps += [random.choice([*SENT, *OPERATED])]
        steps += random.choice([["enroll"], ["enroll"], random.choice(FIRST_ENDS)])
    return steps


@many
@given(st.integers(0, 2**32))
async def test_of_one_intent_at_most_one_enrollment_may_have_been_sent(engine: AsyncEngine, seed: int) -> None:
    history, steps = History(engine, f"p{next(NUMBERS)}@corp.example"), history_of(Random(seed))  # noqa: S311  # a test
    for step in steps:
        await history.take(step)
    note(f"steps: {steps}")
    await history.require_once()
