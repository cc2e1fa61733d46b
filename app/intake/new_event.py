"""The same sample as another event, by whatever its provider tells events apart."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from app.errors import DeliveryRejected, SampleRefused
from app.intake.sample_delivery import Destination, delivery_of, events_of
from app.sources.renewing import fresh, renewed, with_a_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.model import Event
    from app.sources.sample_files import Sample

DIGEST = re.compile("[0-9a-f]{64}")
SMALL = re.compile("[0-9]{1,3}")  # such a number stands for many things in a body
# What must be the same of both events, beside their person.
SAME = ("type", "email", "first_name", "last_name", "name", "company", "exit", "thin")


def as_new_event(sample: Sample, destination: Destination) -> Sample:
    """Return the sample with something changed that makes its events new ones, about the same people.

    Raises SampleRefused where nothing that can be changed does.
    """
    before = _events(sample, destination)
    if not before:
        raise SampleRefused("new", "nothing was sent, because the provider finds no event in it")
    for changed in _candidates(sample, before):
        after = _events(changed, destination)
        if _are_new(before, after):
            return changed
    parts = ["the whole body" if DIGEST.fullmatch(part) else part for part in before[0].dedupe if part]
    reason = (
        f"{destination.config.provider} tells these events apart by {', '.join(parts)}, which cannot be changed here"
    )
    raise SampleRefused("new", f"nothing was sent: {reason}; change the body, or choose another sample")


def _events(sample: Sample, destination: Destination) -> list[Event]:
    """Return the events of a sample, none where it cannot be read."""
    try:
        return events_of(delivery_of(sample, destination), destination.config)
    except DeliveryRejected:
        return []


def _are_new(before: Sequence[Event], after: Sequence[Event]) -> bool:
    """Return whether each event is another one now, and is about the same person and time as far as it says."""
    old, new = {event.dedupe for event in before}, [event.dedupe for event in after]
    return len(before) == len(after) and len(old) == len(set(new) - old) and all(map(_alike, before, after))


def _alike(one: Event, other: Event) -> bool:
    kept = all(getattr(one, name) == getattr(other, name) for name in SAME)
    same_nature = (one.dropped is None) == (other.dropped is None)
    return kept and same_nature and (one.occurred_at is None) == (other.occurred_at is None)


def _candidates(sample: Sample, events: Sequence[Event]) -> Iterator[Sample]:
    """Yield ways to change a sample, the ones first that change least of what a rule may look at.

    Nothing (the signature is dated anew), the events' ids, a header with an id, a field of its own, then whatever else
    identifies the events.
    """
    yield sample
    yield _with_values(sample, [event.id for event in events])
    for name, value in sample.headers.items():
        if "id" in name.split("-"):
            yield replace(sample, headers={**sample.headers, name: fresh(value)})
    yield replace(sample, body=with_a_field(sample.body, form=sample.is_form))
    for column in _columns(events):
        yield _with_values(sample, column)
    yield replace(sample, query=with_a_field(sample.query, form=True))


def _with_values(sample: Sample, column: Sequence[str | None]) -> Sample:
    """Return the sample with another value for each of these."""
    values = {value: fresh(value) for value in column if value}
    return replace(
        sample,
        body=renewed(sample.body, values, form=sample.is_form),
        headers={name: values.get(value, value) for name, value in sample.headers.items()},
        query=renewed(sample.query, values, form=True) if sample.query else "",
    )


def _columns(events: Sequence[Event]) -> list[list[str]]:
    """Return what stands at each place of the tuples that identify the events, small numbers and kinds last."""
    width = max(len(event.dedupe) for event in events)
    columns = [
        [event.dedupe[place] for event in events if place < len(event.dedupe)] for place in reversed(range(width))
    ]
    return sorted(columns, key=lambda column: any(SMALL.fullmatch(value) for value in column))
