"""One source: why nothing arrives, how far its events come, what was rejected, and a sample that can be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.console import source_changes as changes
from app.console.funnel import Step, steps
from app.console.hidden import hiding
from app.console.lists import PERIODS
from app.console.page import LIVE_SECONDS, Field, FormError, Pages, Visit
from app.console.receipts.delivery import rejection, rejection_sentence
from app.console.receipts.wording import Clock, as_sentence
from app.console.silent import kept_silence
from app.console.source_words import FAILING, MARKS, Checked, checked_of, one_in_words, today_words, word_of
from app.console.text import moment, number
from app.database.engine import busy_when_gone
from app.intake.rejected import checked_again
from app.intake.rejected_store import find_delivery, list_rejected
from app.masking import masked_value
from app.operators import Role
from app.reports.sources import sample_names, secrets_of, source_view
from app.tallies import read_store as tallies
from app.tallies.figures import Narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.intake.rejected_store import StoredDelivery
    from app.model import SourceConfig
    from app.rules.rulebook import Rulebook
    from app.tallies.figures import HourCount

SPAN = "24 hours"
DAY = PERIODS["24h"]
UNKNOWN_URL = "Where senders reach this service is not known: set SEGUE_PUBLIC_URL."


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One rejected delivery that is kept; `url` leads to it."""

    url: str
    at: datetime
    status: int
    why: str
    code: str
    method: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Latest:
    """The last rejected delivery: why it was rejected, what would become of it today, and each check."""

    sentence: str
    today: str
    checks: Sequence[Checked]


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One source. `secrets` are sentences about them, in the order of the file; none of their values is shown."""

    sentence: str
    name: str
    provider: str
    mark: str
    word: str
    failing: bool
    address: str
    note: str
    proof: str
    covers: str
    secrets: Sequence[str]
    rules: Sequence[str]
    latest: Latest | None
    steps: Sequence[Step]
    hours: Sequence[tuple[str, float]]
    received: int
    repeated: int
    handshakes: int
    rejected: Sequence[RejectedLine]
    fields: Sequence[Field]
    may_send: bool


@dataclass(frozen=True, slots=True)
class SamplePage:
    """What a sample would come to, before it is sent; `mistake` says why it cannot be sent so."""

    consequences: Sequence[str]
    source: str
    sample: str
    email: str
    said: Sequence[str]
    mistake: str
    fields: Sequence[Field]


def pages(console: Console) -> Pages:
    """Return the page of a source, what a sample would come to, and the change that sends it."""
    pages, silent, samples = Pages(), kept_silence(console), changes.samples(console)

    @pages.show("/sources/{source}", "source.html", live=LIVE_SECONDS)
    async def source(visit: Visit) -> SourcePage:
        config, book = samples.config(visit)
        silence = (await silent.value(visit.zone)).get(config.name)
        return await _page(console, config, book, visit, silence.why if silence and silence.silent else None)

    @pages.show("/sources/{source}/sample/look", "source_sample.html", method="POST", role=Role.OPERATOR)
    async def look(visit: Visit) -> SamplePage:
        config, book = samples.config(visit)
        wanted, said, mistake = samples.wanted(visit, config), tuple[str, ...](), ""
        try:
            said = tuple(map(as_sentence, await samples.foreseen(config, book, wanted)))
        except FormError as error:
            mistake = error.message
        return SamplePage(
            consequences=samples.consequences(),
            source=config.name,
            sample=wanted.sample,
            email=wanted.email or "",
            said=said,
            mistake=mistake,
            fields=_fields(config, visit, wanted.sample, wanted.email),
        )

    changes.add(pages, samples)
    return pages


async def _page(
    console: Console, config: SourceConfig, book: Rulebook, visit: Visit, silence: str | None
) -> SourcePage:
    name, reads, since, until = config.name, console.reads, visit.now - DAY, visit.now
    only = Narrowed(source=name)
    (tally,) = [one for one in await tallies.sources(reads, since, until, [name], only) if one.source == name]
    funnel = await tallies.funnel(reads, since, until, only)
    hours = await tallies.series(reads, tallies.RECEIVED, since, until, only)
    rejected = await list_rejected(reads, name)
    word = word_of(tally, silent=silence is not None)
    view = source_view(config, book, {}, public_url=console.process.settings.senders_url, now=visit.now)
    return SourcePage(
        sentence=one_in_words(name, word, tally, silence or "", visit.now, SPAN),
        name=name,
        provider=config.provider,
        mark=MARKS[word],
        word=word,
        failing=word == FAILING,
        address=view.url or view.path,
        note="" if view.url else UNKNOWN_URL,
        proof=view.proof,
        covers=view.covers,
        secrets=_secrets(config, visit),
        rules=view.rules,
        latest=await _latest(console, book, rejected, visit) if rejected else None,
        steps=steps(funnel, tally.rejections),
        hours=_columns(hours, visit),
        received=tally.received,
        repeated=tally.repeated,
        handshakes=tally.handshakes,
        rejected=[_line(name, row) for row in rejected],
        fields=_fields(config, visit, "", None),
        may_send=visit.may(Role.OPERATOR),
    )


async def _latest(
    console: Console, book: Rulebook, rejected: Sequence[Mapping[str, Any]], visit: Visit
) -> Latest | None:
    first = rejected[0]
    with busy_when_gone():
        stored = await find_delivery(console.reads, first["id"], "")
    return None if stored is None else latest_of(stored, book, console, visit)


def latest_of(stored: StoredDelivery, book: Rulebook, console: Console, visit: Visit) -> Latest | None:
    """Return why a delivery was rejected, and what today's secrets say of it; None where its source has gone."""
    checks = checked_again(stored, book, maximum=console.process.settings.max_body_bytes)
    if checks is None or stored.reason is None:
        return None
    one, clean = stored.delivery, _cleaning(console)
    return Latest(
        rejection_sentence(one.source, stored.reason, one.received_at, Clock(visit.zone, visit.now)),
        clean(today_words(checks)),
        [replace(check, detail=clean(check.detail)) for check in map(checked_of, checks)],
    )


def _cleaning(console: Console) -> Callable[[str], str]:
    hide = hiding(console)

    def clean(text: str) -> str:
        return str(masked_value(hide(text)))

    return clean


def _line(source: str, row: Mapping[str, Any]) -> RejectedLine:
    why = as_sentence(rejection(row["reason"]).clause)
    url = changes.url_of(source, f"/rejected/{row['id']}")
    return RejectedLine(url, row["received_at"], row["status"], why, row["reason"], row["method"], row["bytes"])


def _secrets(config: SourceConfig, visit: Visit) -> list[str]:
    found = secrets_of(config, visit.now)
    if not found:
        return ["The source has no secret."]
    return [_secret(one.number, one.not_after, visit, expired=one.expired) for one in found]


def _secret(place: int, not_after: datetime | None, visit: Visit, *, expired: bool) -> str:
    if not_after is None:
        return f"Secret {place}: accepted."
    at = moment(not_after, visit.now, visit.zone)
    return f"Secret {place}: accepted until {at}." if not expired else f"Secret {place}: not accepted since {at}."


def _fields(config: SourceConfig, visit: Visit, sample: str, email: str | None) -> list[Field]:
    names = sample_names(config, visit.now)
    return [changes.sample_field(names, sample), changes.address_field(email)] if names else []


def _columns(hours: Sequence[HourCount], visit: Visit) -> list[tuple[str, float]]:
    return [(f"{moment(one.hour, visit.now, visit.zone)}: {number(one.n)}", one.n) for one in hours]
