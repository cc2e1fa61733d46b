"""Packed bodies, byte order marks and charsets: what is read, what is refused, and how much is ever unpacked."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.errors import TooLarge, Unauthenticated, Unreadable, UnsupportedMedia
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.encodings import events_of, proved, readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import DeliveryRejected

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
URL = "https://segue.example/webhooks/x"
SECRET = "a-made-up-secret-of-some-length"
MAXIMUM = 4096
PLAIN = '{"event":"Inès"}'.encode()


def packed_at_no_time(body: bytes) -> bytes:
    """Gzip without the current time in its header: test cases keep their names in every process that collects them."""
    return gzip.compress(body, mtime=0)


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "by its older name": ("X-GZip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", bare),
    "several, in order": ("deflate, identity, gzip", lambda body: gzip.compress(zlib.compress(body))),
    "none": ("identity", bytes),
    "an empty header": ("", bytes),
    "an empty list": (" , ", bytes),
}


def delivery(body: bytes, **headers: str) -> Delivery:
    return Delivery("d", "x", NOW, "POST", URL, {name.replace("_", "-"): v for name, v in headers.items()}, body)


def read(body: bytes, **headers: str) -> bytes:
    return readable(delivery(body, **headers), maximum=MAXIMUM).body


def refusal(kind: type[DeliveryRejected], body: bytes, **headers: str) -> DeliveryRejected:
    with pytest.raises(kind) as refused:
        read(body, **headers)
    return refused.value


@pytest.mark.parametrize(("coding", "pack"), PACKERS.values(), ids=PACKERS)
def test_packed_bodies_are_read(coding: str, pack: Callable[[bytes], bytes]) -> None:
    plain = readable(delivery(pack(PLAIN), content_encoding=coding), maximum=MAXIMUM)
    assert plain.body == PLAIN
    assert readable(plain, maximum=MAXIMUM) == plain


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "gzip;q=1"])
def test_an_unknown_coding_is_named(coding: str) -> None:
    refused = refusal(UnsupportedMedia, gzip.compress(PLAIN), content_encoding=coding)
    assert refused.reason == "content_encoding"
    assert coding.rpartition(" ")[2] in str(refused)
    assert "gzip, deflate" in str(refused)


def test_a_body_cannot_be_packed_over_and_over() -> None:
    assert "more than 3" in str(refusal(UnsupportedMedia, PLAIN, content_encoding=", ".join(["gzip"] * 4)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no gzip at all", "not gzip"),
        (packed_at_no_time(PLAIN)[:-9], "ends before"),
        (packed_at_no_time(PLAIN) + b"more", "goes on behind"),
        (packed_at_no_time(PLAIN) + packed_at_no_time(PLAIN), "goes on behind"),
        (b"", "ends before"),
    ],
)
def test_a_broken_packed_body_is_refused(body: bytes, said: str) -> None:
    refused = refusal(Unreadable, body, content_encoding="gzip")
    assert (refused.reason, said in str(refused)) == ("malformed_encoding", True)


@pytest.mark.parametrize("nested", [1, 2, 3])
def test_a_bomb_is_not_unpacked_beyond_the_limit(nested: int) -> None:
    body = bytes(50_000_000)
    for _ in range(nested):
        body = gzip.compress(body)
    tracemalloc.start()
    refused = refusal(TooLarge, body, content_encoding=", ".join(["gzip"] * nested))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "4096 bytes once its gzip is unpacked" in str(refused)
    assert peak < len(body) + 1_000_000


def test_a_body_that_fills_the_limit_is_read() -> None:
    assert read(gzip.compress(b"a" * MAXIMUM), content_encoding="gzip") == b"a" * MAXIMUM


def source(provider: str) -> SourceConfig:
    return SourceConfig("x", provider, (Secret(SECRET),), PROVIDERS[provider].Options())


@pytest.mark.parametrize("signed_unpacked", [True, False])
def test_a_signature_may_cover_the_bytes_as_sent_or_unpacked(signed_unpacked: bool) -> None:  # noqa: FBT001  # a case
    config, provider, packed = source("typeform"), PROVIDERS["typeform"], gzip.compress(PLAIN)
    headers = provider.sign(PLAIN if signed_unpacked else packed, config, NOW, method="POST", url=URL)
    sent = delivery(packed, content_encoding="gzip", **headers)
    kept, secret = proved(sent, config, provider, maximum=MAXIMUM)
    assert secret == Secret(SECRET)
    assert provider.verify(kept, config, NOW) == Secret(SECRET)
    assert readable(kept, maximum=MAXIMUM).body == PLAIN
    other = delivery(gzip.compress(b"{}"), content_encoding="gzip", **headers)
    with pytest.raises(Unauthenticated):
        proved(other, config, provider, maximum=MAXIMUM)


def test_what_a_packed_message_says_of_itself_is_checked_all_the_same() -> None:
    provider = PROVIDERS["salesforce"]
    config = SourceConfig(
        "x", "salesforce", (Secret(SECRET),), provider.Options(organization_ids=["00D000000000001AAA"])
    )
    message = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b'<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000009AAA'
        b"</OrganizationId></notifications></e:Body></e:Envelope>"
    )
    sent = Delivery("d", "x", NOW, "POST", f"{URL}/{SECRET}", {"content-encoding": "gzip"}, gzip.compress(message))
    with pytest.raises(Unauthenticated, match="OrganizationId"):
        proved(sent, config, provider, maximum=MAXIMUM)


def test_one_byte_order_mark_is_skipped() -> None:
    assert read(b"\xef\xbb\xbf" + PLAIN) == PLAIN
    assert read(b"\xef\xbb\xbf" * 2 + PLAIN).startswith(b"\xef\xbb\xbf")
    assert read(gzip.compress(b"\xef\xbb\xbf" + PLAIN), content_encoding="gzip") == PLAIN


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "Windows-1252", "utf-8", '"utf-16"', "utf-16le", "UTF-16BE", "utf-32"]
)
def test_json_is_read_in_the_charset_that_it_declares(charset: str) -> None:
    body = PLAIN.decode().encode(charset.strip('"'))
    assert read(body, content_type=f"application/json; charset={charset}") == PLAIN


def test_utf8_under_a_western_name_stays_utf8() -> None:
    assert read(PLAIN, content_type="application/json; charset=iso-8859-1") == PLAIN


def test_forms_and_xml_are_left_to_their_readers() -> None:
    western = "a=Inès".encode("latin-1")
    for kind in ("application/x-www-form-urlencoded", "text/xml", "application/soap+xml"):
        assert read(western, content_type=f"{kind}; charset=iso-8859-1") == western


def events_refusal(body: bytes, **headers: str) -> str:
    with pytest.raises(Unreadable) as refused:
        events_of(PROVIDERS["typeform"], readable(delivery(body, **headers), maximum=MAXIMUM), source("typeform"))
    return str(refused.value)


def test_a_refusal_names_charset_content_type_and_repeated_key() -> None:
    utf16 = json.dumps({"a": 1}).encode("utf-16")
    assert "it is UTF-16" in events_refusal(utf16, content_type="application/json")
    assert "it came as text/plain" in events_refusal(b"a=b", content_type="text/plain")
    assert "it came as no content type" in events_refusal(b"")
    assert "the key 'plan' appears twice" in events_refusal(b'{"plan":1,"plan":2}')
    assert "ada@corp.example" not in events_refusal(b'{"ada@corp.example":1,"ada@corp.example":2}')
    assert "'utf-16'" in events_refusal(b"abc", content_type="application/json; charset=utf-16")
    assert "windows-1252" in events_refusal(b'{"a":"\x81"}', content_type="application/json; charset=windows-1252")
