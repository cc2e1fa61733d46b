"""Write-backs: contact properties that say why a contact was enrolled, and that must not block writing it.

HubSpot refuses a contact for one property that does not exist, or whose value it does not take. Where that property is
a write-back, the contact is written without it. For ten minutes it is left out of later contacts too, which therefore
cost no extra call. Then the property is tried again, so that a corrected one is written without a restart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.batching import REFUSED_WHOLE
from app.errors import HubSpotError, Refusal
from app.hubspot.api.contacts import BAD_REQUEST, Contact, Upsert
from app.hubspot.api.property_errors import MISSING, READ_ONLY, worded
from app.model import DECISION, DroppedProperty, WrittenContact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

LEFT_OUT_SECONDS = 600.0
MOST_KNOWN = 1000
MOST_TURNS = 8  # each turn leaves out at least one more of three properties: twice what is needed
OF_ANY_VALUE = frozenset({MISSING, READ_ONLY})  # other problems concern one value

_NAME = re.compile(r"\w(?:[\w.-]*\w)?")


class KnownProblems:
    """Recent refusals by property (value None), or by property and value. `now` returns seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[tuple[str, str | None], tuple[str, float]] = {}

    def note(self, name: str, value: str | None, problem: str) -> None:
        """Keep a problem for `LEFT_OUT_SECONDS`; the oldest one makes room."""
        self._known.pop((name, value), None)
        while len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[name, value] = (problem, self._now() + LEFT_OUT_SECONDS)

    def of(self, name: str, value: str) -> str | None:
        """Return the known problem with this value of a property, None where there is none."""
        for key in ((name, None), (name, value)):
            problem, until = self._known.get(key, ("", self._now()))
            if self._now() < until:
                return problem
        return None


@dataclass(frozen=True, slots=True)
class _Trial:
    """One contact as it is sent: `back` are the write-backs among its properties, `dropped` those left out."""

    item: Upsert
    sent: Upsert
    back: Mapping[str, str]
    dropped: tuple[DroppedProperty, ...]


class WriteBacks:
    """Writes batches of contacts by `call`, each contact without the write-backs that HubSpot refuses."""

    def __init__(
        self,
        call: Callable[[Sequence[Upsert]], Awaitable[Mapping[Upsert, Contact | HubSpotError]]],
        *,
        now: Callable[[], float],
    ) -> None:
        self._call = call
        self._known = KnownProblems(now)

    async def write(self, items: Sequence[Upsert]) -> Mapping[Upsert, WrittenContact | HubSpotError]:
        """Write every contact. Items missing from the result are retried by the caller in smaller batches.

        Each turn is one call. It sends again, without the write-back, each contact that the turn before was refused for
        one.
        """
        answers: dict[Upsert, WrittenContact | HubSpotError] = {}
        suspected: dict[Upsert, dict[str, str]] = {item: {} for item in items}
        left = list(items)
        for _ in range(MOST_TURNS):
            trials = [self._trial(item, suspected[item]) for item in left]
            outcomes, whole = await self._send(trials)
            if whole is not None and not self._learn(whole, trials):
                break
            if whole is None:
                again = {trial.item for trial in trials if self._again(trial, outcomes, suspected[trial.item])}
                answered = [trial for trial in trials if trial.item not in again and trial.sent in outcomes]
                answers |= {trial.item: self._answer(trial, outcomes, suspected) for trial in answered}
                left = [item for item in left if item in again]
            if not left:
                break
        return answers

    async def _send(self, trials: Sequence[_Trial]) -> tuple[Mapping[Upsert, Contact | HubSpotError], Refusal | None]:
        """Send one call; return the outcome of each contact, or a refusal of the whole batch that concerns some."""
        sent = [trial.sent for trial in trials]
        try:
            return await self._call(sent), None
        except Refusal as refusal:
            if len(sent) > 1 and refusal.status in REFUSED_WHOLE:
                return {}, refusal
            return dict.fromkeys(sent, refusal), None
        except HubSpotError as error:
            return dict.fromkeys(sent, error), None

    def _trial(self, item: Upsert, suspected: Mapping[str, str]) -> _Trial:
        """Return the contact without those write-backs that are suspected, or known to be refused."""
        names = {name for _, name in item.write_back}
        back = {name: value for name, value in item.properties if name in names}
        problems = {name: suspected.get(name) or self._known.of(name, value) for name, value in back.items()}
        dropped = tuple(DroppedProperty(name, problem) for name, problem in problems.items() if problem)
        kept = tuple((name, value) for name, value in item.properties if not problems.get(name))
        sent = {name: value for name, value in back.items() if not problems[name]}
        return _Trial(item, Upsert(item.email, kept), sent, dropped)

    def _again(
        self, trial: _Trial, outcomes: Mapping[Upsert, Contact | HubSpotError], suspected: dict[str, str]
    ) -> bool:
        """Return whether a contact is refused for its write-backs alone, and note what HubSpot says of them.

        Where HubSpot names no property, the write-backs named in its message are suspected, else all of them.
        """
        answer = outcomes.get(trial.sent)
        if not isinstance(answer, Refusal):
            return False
        if answer.properties:
            alone = all(_own(name, trial.back) for name, _ in answer.properties)
            return alone and self._learn(answer, [trial])
        found = _suspects(answer, trial.back)
        suspected.update(found)
        return bool(found)

    def _learn(self, refusal: Refusal, trials: Sequence[_Trial]) -> bool:
        """Note what a refusal says of the write-backs of these contacts; return whether it says anything.

        Where several contacts are refused at once for a value, this is noted only if all have the same value.
        """
        learnt = False
        for name, problem in refusal.properties:
            sent = [(trial, own) for trial in trials if (own := _own(name, trial.back))]
            values = {trial.back[own] for trial, own in sent}
            alike = problem in OF_ANY_VALUE or any((DECISION, own) in trial.item.write_back for trial, own in sent)
            if values and (alike or len(values) == 1):
                self._known.note(sent[0][1], None if alike else values.pop(), worded(problem))
                learnt = True
        return learnt

    def _answer(
        self,
        trial: _Trial,
        outcomes: Mapping[Upsert, Contact | HubSpotError],
        suspected: Mapping[Upsert, Mapping[str, str]],
    ) -> WrittenContact | HubSpotError:
        """Return the outcome of a contact. HubSpot took it without the suspected properties, so these are to blame."""
        answer = outcomes[trial.sent]
        if isinstance(answer, HubSpotError):
            return answer
        for name, problem in suspected[trial.item].items():
            self._known.note(name, None, problem)
        return WrittenContact(answer.id, trial.dropped)


def _own(name: str, back: Mapping[str, str]) -> str | None:
    """Return the write-back of this name. HubSpot writes names in lower case."""
    return next((own for own in back if own.lower() == name.lower()), None)


def _suspects(refusal: Refusal, back: Mapping[str, str]) -> dict[str, str]:
    """Return the write-backs that a refusal naming no property may be about, each with HubSpot's sentence."""
    if refusal.status != BAD_REQUEST:
        return {}
    words = {word.lower() for word in _NAME.findall(refusal.detail)}
    named = [name for name in back if name.lower() in words]
    return dict.fromkeys(named or back, f"HubSpot refuses the contact with it ({refusal.detail or refusal.code})")
