"""Any bytes and headers, sent to any source, end in a result or in the error tree; so do those that it signed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unauthentic, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS, fields
from app.sources.segment import signed_part

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SECRET = Secret("whsec_c2VndWUtbWFkZS11cC1rZXktMjRieXRl")
JSON_OPTIONS = {
    "signature": {"header": "X-Signature"},
    "fields": {
        "id": "header:X-Id",
        "type": "$.type",
        "email": "/data/email",
        "first_name": "$.data.0.first_name",
        "occurred_at": "$.timestamp",
    },
}
CONFIGS = {
    name: SourceConfig("x", name, (SECRET,), provider.Options.model_validate(JSON_OPTIONS if name == "json" else {}))
    for name, provider in PROVIDERS.items()
}
SAMPLES = {
    name: [json.loads(path.read_text())["body"] for path in (Path(__file__).parent.parent / "samples" / name).iterdir()]
    for name in PROVIDERS
}
HEADER_NAMES = sorted(
    {"x-id", "x-signature", "x-hubspot-signature", "x-hubspot-signature-version", "svix-signature"}
    | {
        header
        for name, provider in PROVIDERS.items()
        for header in provider.sign(b"{}", CONFIGS[name], NOW, method="POST", url="")
    },
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
header_values = st.text(max_size=60) | st.sampled_from(
    ["v1,AAAA", "t=1,v1=00", "sha256=AAAA", "v0=00", "v1", str(int(NOW.timestamp())), "9" * 30]
)
headers = st.dictionaries(st.sampled_from(HEADER_NAMES), header_values)
urls = st.text() | st.sampled_from(["https://segue.example/x?flow=%00", "https://[/x?flow=%zz&a=1", "?"])
names = st.sampled_from(sorted(PROVIDERS))


@given(names, st.binary() | anything.map(lambda value: json.dumps(value).encode()), headers, st.text(), urls)
def test_whatever_is_sent_is_accepted_or_refused(
    name: str, body: bytes, headers: dict[str, str], method: str, url: str
) -> None:
    delivery = Delivery("d", "x", NOW, method, url, headers, body)
    with pytest.raises(Unauthentic):
        PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    check_events(name, delivery)


def check_events(name: str, delivery: Delivery) -> None:
    try:
        answer = PROVIDERS[name].handshake(delivery, CONFIGS[name])
        events = PROVIDERS[name].events(delivery, CONFIGS[name])
    except (Unreadable, Unauthentic):
        return
    assert answer is None or json.loads(answer.body)
    for event in events:
        check_event(event)


def check_event(event: Event) -> None:
    known = [event.type, event.id, event.email, event.first_name, event.last_name, event.name, event.company]
    for text in [*event.dedupe, *(value for value in known if value is not None), json.dumps(event.data)]:
        assert isinstance(text, str)
        assert "\0" not in text.encode().decode()
    assert event.dedupe
    assert event.occurred_at is None or event.occurred_at.tzinfo is UTC
    assert event.source == "x"


def nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    found: list[tuple[Any, Any]] = []
    for key, child in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else []):
        found += [(value, key), *nodes(child)]
    return found


@given(names, st.data(), anything, urls)
def test_a_signed_sample_with_one_odd_value_is_read_or_refused(
    name: str, data: st.DataObject, odd: Any, url: str
) -> None:
    value = json.loads(data.draw(st.sampled_from(SAMPLES[name])))
    container, key = data.draw(st.sampled_from(nodes(value)))
    container[key] = odd
    body = json.dumps(value).encode()
    signed = PROVIDERS[name].sign(body, CONFIGS[name], NOW, method="POST", url=url)
    delivery = Delivery("d", "x", NOW, "POST", url, {"x-id": str(odd), **signed}, body)
    PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    check_events(name, delivery)


@given(names, st.data())
def test_one_flipped_bit_in_what_is_signed_is_refused(name: str, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(SAMPLES[name])).encode()
    url = "https://segue.example/x"
    signed = PROVIDERS[name].sign(body, CONFIGS[name], NOW, method="POST", url=url)
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(body)
    flipped[place] ^= 1 << bit
    delivery = Delivery("d", "x", NOW, "POST", url, signed, bytes(flipped))
    with pytest.raises(Unauthentic):
        PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    PROVIDERS[name].verify(replace(delivery, body=body), CONFIGS[name], NOW)


@given(anything)
def test_parsing_gives_back_what_was_written(value: Any) -> None:
    written = json.dumps(value)
    expected = json.loads(written.replace("\\u0000", "\\ufffd")) if "\\\\u0000" not in written else None
    try:
        found = fields.parse(written.encode())
    except Unreadable:
        assert "\\ud" in written or "\\u0000" in written
        return
    assert expected is None or found == expected


@given(
    st.lists(st.dictionaries(st.text(max_size=5), anything, min_size=1, max_size=3), min_size=1, max_size=3),
    st.booleans(),
)
def test_segments_first_element_is_cut_out_as_it_stands(events: list[Any], spaced: bool) -> None:  # noqa: FBT001  # drawn
    written = [json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") for event in events]
    body = b" [ " * spaced + b"[" * (not spaced) + b" , ".join(written) + b" ]"
    assert signed_part(body) == (written[0], len(events) > 1)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()), st.sampled_from(["s", "ms", None]))
def test_a_time_is_read_in_utc_or_not_at_all(value: Any, unit: Any) -> None:
    moment = fields.as_instant(value, unit)
    assert moment is None or moment.tzinfo is UTC


@given(st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(5000, 1, 1)))  # noqa: DTZ001  # naive on purpose
def test_a_time_reads_the_same_however_it_is_written(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    seconds = int(moment.timestamp())
    written = [moment.isoformat(), moment.isoformat().replace("+00:00", "Z"), seconds, seconds * 1000]
    assert {fields.as_instant(each) for each in written} == {moment}
    assert fields.from_digits(f" {seconds} ", "s") == moment
