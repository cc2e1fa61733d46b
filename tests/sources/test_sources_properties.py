"""Any bytes and headers, sent to any source, end in a result or in the error tree; so do those that it signed."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import app.sources
from app.errors import DeliveryRejected, Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS, fields
from app.sources.base import CredentialProvider
from app.sources.field_map import mapped
from app.sources.providers.segment import signed_part
from app.sources.signature_headers import Presented
from app.sources.signing import Scheme, digest
from app.sources.strict_json import parse

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
BASE = "https://segue.example/webhooks/x"
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
FOLDER = Path(app.sources.__file__).parent / "samples"
SAMPLES = {name: [json.loads(path.read_text()) for path in (FOLDER / name).iterdir()] for name in PROVIDERS}
BODIES = {name: [sample["body"] for sample in samples] for name, samples in SAMPLES.items()}


def configured(name: str) -> SourceConfig:
    sample = SAMPLES[name][0]
    options = JSON_OPTIONS if name == "json" else sample.get("options", {})
    model = PROVIDERS[name].Options.model_validate(options)
    return SourceConfig("x", name, (Secret(sample["secret"]),), model, {"company": "$.a.b", "name": "Full name"})


CONFIGS = {name: configured(name) for name in PROVIDERS}
JSONS = sorted(name for name, bodies in BODIES.items() if bodies[0].startswith(("{", "[")))
SIGNING = sorted(name for name in PROVIDERS if not isinstance(PROVIDERS[name], CredentialProvider))


def proving(name: str, body: bytes, url: str = BASE) -> dict[str, str]:
    """The headers with which a provider sends `body`."""
    kind = SAMPLES[name][0]["content_type"]
    return {"content-type": kind, **PROVIDERS[name].sign(body, CONFIGS[name], NOW, method="POST", url=url)}


HEADER_NAMES = sorted(
    {"x-id", "x-hubspot-signature", "x-hubspot-signature-version", "x-hook-secret", "ce-id", "ce-source", "ce-type"}
    | {"svix-signature", "ce-specversion", "webhook-request-origin", "webhook-request-callback", "x-github-event"}
    | {header for name in PROVIDERS for header in proving(name, b"{}")},
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
header_values = st.text(max_size=60) | st.sampled_from(
    [
        *("v1,AAAA", "v1a,AAAA", "t=1,v1=00", "sha256=AAAA", "v0=00", "v1", str(int(NOW.timestamp())), "9" * 30),
        *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/cloudevents+json"),
        *("application/cloudevents-batch+json", "text/xml", "application/json", "Basic eDp5", "Bearer x", "1.0"),
        *('sig=("@method");created=1;keyid="k"', "sig=:AAAA:", "sha-256=:AAAA:", "crm.example", "https://[/"),
    ]
)
headers = st.dictionaries(st.sampled_from(HEADER_NAMES), header_values)
urls = st.text() | st.sampled_from(["https://segue.example/x?flow=%00", "https://[/x?flow=%zz&a=1", "?"])
names = st.sampled_from(sorted(PROVIDERS))
methods = st.text() | st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
pieces = [
    "<",
    ">",
    "&",
    "=",
    "%",
    "\r\n",
    "--x",
    "--x--\r\n",
    "a=b&",
    "<a>",
    "</a>",
    "<!DOCTYPE a>",
    "{",
    "[",
    '"',
    ":",
]
assembled = st.lists(st.sampled_from(pieces) | st.text(max_size=3)).map(lambda found: "".join(found).encode())
bodies = st.binary() | assembled | anything.map(lambda value: json.dumps(value).encode())


@example("jotform", b"", {"content-type": "\u0101; charset=x"}, "POST", "")
@given(names, bodies, headers, methods, urls)
def test_whatever_is_sent_is_accepted_or_refused(
    name: str, body: bytes, headers: dict[str, str], method: str, url: str
) -> None:
    delivery = Delivery("d", "x", NOW, method, url, headers, body)
    with pytest.raises(Unauthenticated):
        PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    check_events(name, delivery)


def check_events(name: str, delivery: Delivery) -> None:
    provider, config = PROVIDERS[name], CONFIGS[name]
    try:
        kept = provider.stored(delivery, config)
        answers = [provider.probe(delivery, config), provider.handshake(kept, config), provider.answer(kept, None)]
        events = [mapped(event, config, kept.headers) for event in provider.events(kept, config)]
    except DeliveryRejected:
        return
    for answer in answers:
        assert answer is None or all(value.isascii() and value.isprintable() for value in answer.headers.values())
    for event in events:
        check_event(event)
        lookup = provider.lookup(event, config)
        assert lookup is None or (lookup.host in {"", "www.eventbriteapi.com"} | set(lookup.headers))


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


@given(st.sampled_from(JSONS), st.data(), anything)
def test_a_signed_sample_with_one_odd_value_is_read_or_refused(name: str, data: st.DataObject, odd: Any) -> None:
    value = json.loads(data.draw(st.sampled_from(BODIES[name])))
    container, key = data.draw(st.sampled_from(nodes(value)))
    container[key] = odd
    body = json.dumps(value).encode()
    url = PROVIDERS[name].address(BASE, CONFIGS[name], NOW)
    delivery = Delivery("d", "x", NOW, "POST", url, {"x-id": str(odd), **proving(name, body, url)}, body)
    PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    check_events(name, delivery)


@given(st.sampled_from(SIGNING), st.data())
def test_one_flipped_bit_in_what_is_signed_is_refused(name: str, data: st.DataObject) -> None:
    body, url = data.draw(st.sampled_from(BODIES[name])).encode(), BASE
    signed = proving(name, body)
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(body)
    flipped[place] ^= 1 << bit
    delivery = Delivery("d", "x", NOW, "POST", url, signed, bytes(flipped))
    with pytest.raises(Unauthenticated):
        PROVIDERS[name].verify(delivery, CONFIGS[name], NOW)
    PROVIDERS[name].verify(replace(delivery, body=body), CONFIGS[name], NOW)


@given(st.binary(min_size=1, max_size=200), st.binary(), st.sampled_from(("sha1", "sha256", "sha512")))
@example(b"k" * 64, b"{}", "sha256")
@example(b"k" * 65, b"{}", "sha256")
@example(b"k" * 129, b"{}", "sha512")
def test_a_keyed_digest_is_the_hmac_of_the_library(key: bytes, body: bytes, algorithm: Any) -> None:
    delivery = Delivery("dlv_1", "crm", NOW, "POST", BASE, {}, body)
    scheme = Scheme(header="x", template="v0:{id}{body}", algorithm=algorithm)
    covered = b"v0:" + b"msg_1" + body
    assert digest(scheme, key, delivery, Presented((), "msg_1", "")) == hmac.digest(key, covered, algorithm)


@given(anything)
def test_parsing_gives_back_what_was_written(value: Any) -> None:
    written = json.dumps(value)
    expected = json.loads(written.replace("\\u0000", "\\ufffd")) if "\\\\u0000" not in written else None
    try:
        found = parse(written.encode())
    except Unreadable:
        assert "\\ud" in written or "\\u0000" in written
        return
    assert expected is None or found == expected


# Pieces of JSON, and what looks like it within a text. Put together they are mostly no JSON, and rarely strict JSON.
BRACKETS = ["{", "}", "[", "]", ",", ":", " ", "\x00", "\ufeff"]
TEXTS = ['"a"', '"b"', '"{"', '"]:,1"', '"\\u0041"', '"\u00e9"', f'"{"9" * 30}"']
WORDS = ["1", "-0.5", "1e400", "01", "null", "NaN", "9" * 18, "9" * 19, "9" * 30]
tokens = st.sampled_from([*BRACKETS, *TEXTS, *WORDS])
objects = st.recursive(
    tokens,
    lambda inner: st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"']), inner), max_size=3).map(
        lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
    ),
    max_leaves=8,
)


@given(st.one_of(st.lists(tokens, max_size=12).map("".join), objects))
@example('{"a": 1, "a": 1}')
@example('{"a": {"b": 18446744073709551616}}')
@example("[" * 100 + "]" * 100)
@example("[" * 101 + "]" * 101)
@example('{"a":"}","a":' * 101 + "1" + ',"b":"{"}' * 101)
def test_the_quick_way_through_json_comes_to_the_same(written: str) -> None:
    assert _read(written.encode()) == _read(written)


def _read(body: bytes | str) -> str:
    """Return what a body is, or why it is refused. A text is always read by the standard library's decoder."""
    try:
        return repr(parse(body))
    except Unreadable as refusal:
        return str(refusal)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), anything, min_size=1, max_size=3), min_size=1, max_size=3),
    st.booleans(),
)
def test_segments_first_element_is_cut_out_as_it_stands(events: list[Any], spaced: bool) -> None:  # noqa: FBT001  # drawn
    written = [json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") for event in events]
    body = b" [ " * spaced + b"[" * (not spaced) + b" , ".join(written) + b" ]"
    assert signed_part(body) == (written[0], True)


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
