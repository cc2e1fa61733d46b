"""A sample as a delivery: chosen, readdressed, signed, and decided by the rules before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.errors import DeliveryRejected, SampleRefused
from app.model import Delivery, Event, SourceConfig
from app.people.addresses import normalise
from app.rules import examples
from app.rules.match import decide, heard
from app.sources import PROVIDERS
from app.sources.encodings import readable
from app.sources.normalised import normalised
from app.sources.sample_files import Sample, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.rules.rulebook import Rulebook

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a delivery of a source goes: `base` is the service's own URL, `public` the one that signatures cover."""

    config: SourceConfig
    base: str
    public: str

    @property
    def shown(self) -> str:
        """The URL that is posted to, without the secret that may be its last part."""
        return f"{self.base}/webhooks/{self.config.name}"


def chosen(config: SourceConfig, name: str) -> Sample:
    """Return the provider's first sample whose name begins with `name`. Raises SampleRefused."""
    known = samples(PROVIDERS[config.provider], utc_now())
    found = next((sample for sample in known if sample.name.startswith(name)), None)
    if found is None:
        names = "\n  ".join(sample.name for sample in known)
        message = f"no sample of {config.provider} begins with {name!r}; there are\n  {names}"
        raise SampleRefused("sample", message, unknown=True)
    return found


def about(sample: Sample, destination: Destination, email: str) -> Sample:
    """Return the sample with `email` in place of each address that the provider reads in it.

    `require_about` says whether that was enough. Raises SampleRefused for what is no address, and for an unreadable
    sample.
    """
    if normalise(email) is None:
        raise SampleRefused("email", f"{email!r} is no e-mail address", unknown=True)
    read = _readable_events(delivery_of(sample, destination), destination.config)
    return sample.about(email.strip(), {event.email.strip() for event in read if event.email and "@" in event.email})


def require_about(email: str, delivery: Delivery, config: SourceConfig, name: str) -> None:
    """Raise SampleRefused unless the provider reads `email` in every event of the delivery, and no other address."""
    events = _readable_events(delivery, config)
    wrong = [
        f"event {number} of {len(events)}: {difference}"
        for number, event in enumerate(events, 1)
        if (difference := _difference(event, email))
    ]
    if wrong or not events:
        found = "\n".join(f"  {line}" for line in shortened(wrong)) or "  the provider finds no event in it"
        reason = f"nothing was sent, because not all of {name!r} is about {email}:\n{found}"
        raise SampleRefused("email", f"{reason}\nchoose another sample, or change the body")


def _difference(event: Event, email: str) -> str:
    """Return why an event may be about another person than `email`, an empty text where it is about that one."""
    if event.dropped is not None:
        return f"its person is not read here, for it would be dropped: {event.dropped}"
    if event.thin:
        return "it has no address: the provider is asked for the person later, and the answer decides"
    if event.email is None:
        where = f": {event.lacking}" if event.lacking else "; `map:` of the source can say where one is"
        return f"the provider finds no address in it{where}"
    return "" if normalise(event.email) == normalise(email) else f"the provider finds {event.email}"


def delivery_of(sample: Sample, destination: Destination) -> Delivery:
    """Return the delivery as its sender would make it; its URL is the public one, which signatures may cover.

    Raises StartError where the source has no usable secret.
    """
    config, provider, now = destination.config, PROVIDERS[destination.config.provider], utc_now()
    query = f"?{sample.query}" if sample.query else ""
    signed = provider.address(f"{destination.public}/webhooks/{config.name}", config, now) + query
    raw = provider.fit_sample(sample.body, config).encode()
    proving = provider.sign(raw, config, now, method=sample.method, url=signed)
    return Delivery("sample", config.name, now, sample.method, signed, {**sample.headers, **proving}, raw)


def events_of(delivery: Delivery, config: SourceConfig) -> list[Event]:
    """Return the events as the service reads them. Raises DeliveryRejected where it would reject the delivery."""
    provider = PROVIDERS[config.provider]
    kept = provider.stored(delivery, config)
    read = readable(kept, maximum=len(kept.body))
    return [normalised(event, config, read.headers, read.received_at) for event in provider.events(read, config)]


def _readable_events(delivery: Delivery, config: SourceConfig) -> list[Event]:
    try:
        return events_of(delivery, config)
    except DeliveryRejected as refusal:
        reason = f"nothing was sent, because the provider cannot read whom it is about: {refusal}"
        raise SampleRefused("email", reason) from refusal


def foreseen(
    delivery: Delivery, config: SourceConfig, book: Rulebook, names: Mapping[str, str] = examples.NO_NAMES
) -> list[str]:
    """Return the decision of these rules for each person, and the values behind a no; `names` as `described` has it."""
    try:
        events = events_of(delivery, config)
    except DeliveryRejected as refusal:
        return [f"the rules say: nothing, for it cannot be read: {refusal}"]
    lines = [f"the rules say of {person(event)}: {_outcome(event, book, names)}" for event in events]
    return shortened(lines) or ["the rules say: nothing, for there is no event in it"]


def people_in(delivery: Delivery, config: SourceConfig) -> str:
    """Return the addresses of a delivery's events; "no person" where it cannot be read."""
    try:
        people = shortened(person(event) for event in events_of(delivery, config))
    except DeliveryRejected:
        people = []
    return ", ".join(people) or "no person"


def as_text(delivery: Delivery, config: SourceConfig) -> str:
    """Return what would be sent, without the proof."""
    shown = PROVIDERS[config.provider].stored(delivery, config)
    return f"{shown.method} {shown.url}\n\n{shown.body.decode()}"


def person(event: Event) -> str:
    """Return the address of an event, or why it has none."""
    if event.thin:
        return "a person whom the provider is asked for"
    return event.email or "no person"


def _outcome(event: Event, book: Rulebook, names: Mapping[str, str]) -> str:
    if event.thin:
        return f"the provider is asked about this {event.type} first"
    if not heard(event, book):
        return f"no rule listens to {event.type!r}: it is counted and not stored"
    decisions = decide(event, book)
    said = "; ".join(examples.described(decision, names) for decision in decisions)
    return "\n  ".join([said, *examples.details(decisions)])


def shortened(lines: Iterable[str]) -> list[str]:
    """Return each line once, and of very many lines only the first."""
    different = list(dict.fromkeys(lines))
    left = len(different) - MOST_SHOWN
    return [*different[:MOST_SHOWN], f"and {left} more"] if left > 0 else different
