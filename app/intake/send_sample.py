"""A signed sample through this process's own intake: verified, decided and stored as any other delivery.

It is handed to the intake, and not posted to the public address: whether senders reach that is the doctor's question,
and a process may not reach its own public address at all. What a rule makes of it is done for real.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app.errors import Busy, DeliveryRejected
from app.intake.new_event import as_new_event
from app.intake.sample_delivery import Destination, about, chosen, delivery_of, foreseen, require_about
from app.rules.examples import NO_NAMES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from app.audit.store import AuditStore
    from app.model import Delivery, Response, SourceConfig
    from app.rules.rulebook import Rulebook
    from app.sources.sample_files import Sample

HERE = "https://segue.invalid"  # what signatures cover where no public URL is set: it is called nowhere
LONGEST_ANSWER = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SentSample:
    """What became of a sample.

    `foreseen` are the decisions of the rules in force, a line each. `status` is what its sender would have been
    answered, None where it was not sent; `reason` is why it was rejected.
    """

    sample: str
    foreseen: list[str]
    delivery_id: str | None = None
    status: int | None = None
    reason: str | None = None
    answer: str | None = None


def prepared(sample: Sample, destination: Destination, *, email: str | None, new: bool) -> Delivery:
    """Return the signed delivery of a sample: about `email` alone where that is given, as a new event with `new`.

    Raises SampleRefused where that cannot be, and StartError where the source has no usable secret.
    """
    sent = sample if email is None else about(sample, destination, email)
    sent = as_new_event(sent, destination) if new else sent
    delivery = delivery_of(sent, destination)
    if email is not None:
        require_about(email, delivery, destination.config, sent.name)
    return delivery


@dataclass(frozen=True, slots=True)
class SampleSender:
    """Sends samples. `receive` is the intake of this process; `public_url` is what senders call, None where unknown.

    The intake commits deliveries of many senders at once, and not with a row of the audit log: `audit` has one before
    that names the delivery, and one with what came of it.
    """

    receive: Callable[[Delivery], Awaitable[Response]]
    new_id: Callable[[str], str]
    public_url: str | None
    audit: AuditStore

    async def send(
        self,
        config: SourceConfig,
        book: Rulebook,
        *,
        sample: str,
        email: str | None,
        dry_run: bool,
        names: Mapping[str, str] = NO_NAMES,
    ) -> SentSample:
        """Send the sample whose name begins with `sample` as a new event, about `email` where that is given.

        With `dry_run` only what would follow is returned; `names` are those of the rules' targets, by the
        rule's id. Raises SampleRefused and StartError as `prepared` does, and Busy.
        """
        base = self.public_url or HERE
        picked = chosen(config, sample)
        delivery = prepared(picked, Destination(config, base, base), email=email, new=True)
        outcome = SentSample(picked.name, foreseen(delivery, config, book, names))
        if dry_run:
            return outcome
        id_ = self.new_id("dlv")
        await self.audit.noted(target=config.name, after={"asked": f"send {picked.name}", "delivery": id_})
        sent = await self._sent(replace(delivery, id=id_), outcome)
        await self._note_answer(config.name, sent)
        return sent

    async def _note_answer(self, source: str, sent: SentSample) -> None:
        """Write what came of a sample. Where that fails, the row that was written before still names the delivery."""
        try:
            await self.audit.noted(target=source, after={"delivery": sent.delivery_id, "status": sent.status})
        except Busy as error:
            log.warning("audit.answer_not_written", source=source, delivery_id=sent.delivery_id, error=str(error))

    async def _sent(self, delivery: Delivery, outcome: SentSample) -> SentSample:
        try:
            answer = await self.receive(delivery)
        except DeliveryRejected as refusal:
            return replace(
                outcome, delivery_id=delivery.id, status=refusal.status, reason=f"{refusal.reason}: {refusal}"
            )
        text = answer.body.decode(errors="replace")[:LONGEST_ANSWER]
        return replace(outcome, delivery_id=delivery.id, status=answer.status, answer=text)
