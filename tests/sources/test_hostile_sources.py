"""Large and hostile deliveries, to every provider, end in a result or in the error tree, in bounded memory and time.

Memory is measured: none may take more than a fixed multiple of its size. Time is not, for a clock in a test lies:
what grew with the square of a body's size would run into the limit that every test has.
"""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.sources
from app.errors import DeliveryRejected
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.field_map import mapped

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
BASE = "https://segue.example/webhooks/x"
SIZE = 64 * 1024
# Objects take many times what they are written in: the pieces between percent signs are the worst, then XML's elements.
BYTES_PER_BYTE, BYTES_BESIDE = 256, 4 * 1024 * 1024
FOLDER = Path(app.sources.__file__).parent / "samples"
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
DISPOSITION = b'--x\r\nContent-Disposition: form-data; name="a"'


def filled(piece: bytes, *, start: bytes = b"", end: bytes = b"") -> bytes:
    return start + piece * (SIZE // len(piece)) + end


BODIES = {
    "brackets": filled(b"["),
    "objects": filled(b'{"a":'),
    "quotes": filled(b'"",', start=b"["),
    "backslashes": filled(b"\\\\", start=b'["', end=b'"]'),
    "escapes": filled(b"\\u0000", start=b'{"a":"', end=b'"}'),
    "keys": json.dumps({str(number): 1 for number in range(SIZE // 10)}).encode(),
    "digits": filled(b"1", start=b'{"id":', end=b"}"),
    "members": filled(b"{},", start=b"[", end=b"{}]"),
    "cohort": filled(b"{},", start=b'{"action":"a","parameters":{"members":[', end=b"{}]}}"),
    "users": filled(b"{},", start=b'{"message_id":"m","in_cohort":true,"users":[', end=b"{}]}"),
    "segment": filled(b"{},", start=b'{"data":{"add":[', end=b"{}]}}"),
    "pairs": filled(b"&a=b"),
    "percents": filled(b"%"),
    "parts": filled(DISPOSITION + b"\r\n\r\nb\r\n", end=b"--x--\r\n"),
    "part headers": filled(b"a: b\r\n", start=b"--x\r\n"),
    "boundary lookalikes": filled(b"\r\n--", start=DISPOSITION + b"\r\n\r\n"),
    "disposition": filled(b"; a=b", start=DISPOSITION, end=b"\r\n\r\nb\r\n--x--\r\n"),
    "elements": filled(b"<a>"),
    "siblings": filled(b"<b/>", start=b"<a>", end=b"</a>"),
    "entities": filled(b"&amp;", start=b"<a>", end=b"</a>"),
    "laughs": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * SIZE + b'"><!ENTITY d "&b;&b;&b;&b;">]><a>&d;&d;&d;</a>',
    "outside": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "sessions": filled(b"<SessionId"),
}
HEADERS = {
    "list": "v1,AAAA " * 500,
    "pairs": "t=1,v1=00," * 400,
    "semicolons": ";" * 4_000,
    "colons": ":" * 4_000,
    "commas": "," * 4_000,
    "components": "sig=(" + '"a" ' * 1000 + ")",
    "percents": "%" * 4_000,
    "quotes": '"\\' * 2000,
    "digits": "9" * 4_000,
}


def configured(name: str) -> SourceConfig:
    (top, *_) = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    model = PROVIDERS[name].Options.model_validate(top.get("options", {}))
    return SourceConfig("x", name, (Secret(top["secret"]),), model, {"company": "$.a.b", "name": "Full name"})


def delivered(name: str, body: bytes, content_type: str) -> Delivery:
    """A delivery with the provider's own proof, where one can be made for such a body."""
    provider, config = PROVIDERS[name], configured(name)
    delivery = Delivery("d", "x", NOW, "POST", BASE, {"content-type": content_type}, body)
    try:
        proving = provider.sign(body, config, NOW, method="POST", url=BASE)
    except DeliveryRejected:
        return delivery
    url = provider.address(BASE, config, NOW)
    return replace(delivery, url=url, headers={**delivery.headers, **proving})


def travel(name: str, delivery: Delivery) -> None:
    """Take a delivery down the road as the intake does, and on where it is refused: each step must stand it."""
    provider, config = PROVIDERS[name], configured(name)
    kept = provider.stored(delivery, config)
    for step in (
        lambda: provider.probe(delivery, config),
        lambda: provider.verify(delivery, config, NOW),
        lambda: provider.handshake(kept, config),
        lambda: provider.answer(kept, None),
        lambda: [
            provider.lookup(mapped(event, config, kept.headers), config) for event in provider.events(kept, config)
        ],
    ):
        try:
            step()
        except DeliveryRejected:
            continue


def peak(name: str, delivery: Delivery) -> int:
    """The most memory that a delivery takes on the road, in bytes."""
    tracemalloc.start()
    try:
        travel(name, delivery)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_hostile_bodies_take_bounded_memory_and_end_in_the_error_tree(name: str) -> None:
    (own, *_) = [json.loads(path.read_text())["content_type"] for path in sorted((FOLDER / name).glob("*.json"))]
    kinds = {own, FORM, PARTS} if name in {"jotform", "slack", "github", "gravity-forms", "cloudevents"} else {own}
    for kind in kinds:
        for shape, body in BODIES.items():
            used = peak(name, delivered(name, body, kind.replace("X-B0UND", "x")))
            assert used < BYTES_PER_BYTE * len(body) + BYTES_BESIDE, (shape, kind)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_hostile_headers_take_bounded_memory_and_end_in_the_error_tree(name: str) -> None:
    names = [*delivered(name, b"{}", "application/json").headers, "authorization", "ce-id", "x-hook-secret"]
    for shape, value in HEADERS.items():
        for header in names:
            headers = {**dict.fromkeys(names, "1"), header: value}
            used = peak(name, Delivery("d", "x", NOW, "POST", BASE, headers, b"{}"))
            assert used < BYTES_PER_BYTE * len(value) + BYTES_BESIDE, (shape, header)


pieces = st.sampled_from(
    [body[:200] for body in BODIES.values()] + [value[:200].encode() for value in HEADERS.values()]
)


@given(
    st.sampled_from(sorted(PROVIDERS)),
    st.lists(pieces, max_size=6).map(b"".join),
    st.sampled_from(["application/json", FORM, PARTS, "text/xml", "application/cloudevents-batch+json", ""]),
)
def test_whatever_hostile_pieces_are_put_together_the_road_stands_it(name: str, body: bytes, kind: str) -> None:
    travel(name, delivered(name, body, kind))
