"""Bodies as senders pack and encode them, and as providers read them: plain JSON in UTF-8, or plain forms.

A signature covers the bytes as they were sent or, where a sender packs what it has signed, the unpacked ones. So a
packed body is verified unpacked, else as it came; only what is proved is converted any further.
"""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING

from app.errors import TooLarge, Unauthenticated, Unreadable, UnsupportedMedia
from app.sources.forms import WESTERN, charset_of, content_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.model import Delivery, Event, Secret, SourceConfig
    from app.sources.base import Provider

ACCEPTED = "gzip, deflate"
MOST_CODINGS = 3
# For zlib's `wbits`: a gzip header, a zlib header, or none at all, which some senders call deflate, too.
GZIP, ZLIB, BARE = 31, 15, -15
UNICODE = ("utf-16", "utf16", "utf-32", "utf32")
# These say themselves how they are encoded, or are read by their own charset.
OTHERS = ("xml", "application/x-www-form-urlencoded", "multipart/form-data")


def proved(sent: Delivery, source: SourceConfig, provider: Provider, *, maximum: int) -> tuple[Delivery, Secret | None]:
    """Return the delivery that its sender proved, unpacked or as it was sent, and the secret that proved it.

    A packed body is never unpacked beyond `maximum` bytes. Raises DeliveryRejected.
    """
    plain = unpacked(sent, maximum)
    try:
        return plain, provider.verify(plain, source, sent.received_at)
    except Unauthenticated as refusal:
        # A password does not depend on the body: what is wrong with one, or with what the body holds, stays wrong.
        if plain is sent or refusal.reason == "auth_mismatch":
            raise
    return sent, provider.verify(sent, source, sent.received_at)


def readable(delivery: Delivery, *, maximum: int) -> Delivery:
    """Return a verified delivery as providers read it: unpacked, without a byte order mark, JSON in UTF-8.

    Raises UnsupportedMedia, TooLarge and Unreadable.
    """
    plain = unpacked(delivery, maximum)
    body = _in_utf8(plain)
    return plain if body is plain.body else replace(plain, body=body)


def events_of(
    provider: Provider, delivery: Delivery, source: SourceConfig, *, hears: Callable[[str], bool] | None = None
) -> list[Event]:
    """Return the events of a readable delivery. Raises Unreadable, which names the content type of a malformed body.

    Where `hears` denies a type, the rest of its events need not be read.
    """
    try:
        return provider.heard_events(delivery, source, hears) if hears else provider.events(delivery, source)
    except Unreadable as refusal:
        if refusal.reason == "malformed_body":
            refusal.args = (f"{refusal}; it came as {delivery.headers.get('content-type') or 'no content type':.100}",)
        raise


def unpacked(delivery: Delivery, maximum: int) -> Delivery:
    """Return the delivery without its content codings; the same object where it has none. Raises DeliveryRejected."""
    named = delivery.headers.get("content-encoding")
    if not named:
        return delivery
    codings = [coding for name in named.lower().split(",") if (coding := name.strip()) not in {"", "identity"}]
    if not codings:
        return delivery
    if len(codings) > MOST_CODINGS:
        raise UnsupportedMedia("content_encoding", f"the body has more than {MOST_CODINGS} content codings")
    body = delivery.body
    for coding in reversed(codings):
        body = _unpack(body, coding, maximum)
    headers = {name: value for name, value in delivery.headers.items() if name != "content-encoding"}
    return replace(delivery, headers=headers, body=body)


def _unpack(body: bytes, coding: str, maximum: int) -> bytes:
    """Return the body without one coding. Unpacking ends at `maximum` bytes, however large it would become."""
    unpacker = zlib.decompressobj(_window(body, coding))
    try:
        plain = unpacker.decompress(body, maximum + 1)
    except zlib.error as error:
        raise Unreadable("malformed_encoding", f"the body is not {coding}: {error}") from error
    if len(plain) > maximum:
        raise TooLarge("too_large", f"the body exceeds {maximum} bytes once its {coding} is unpacked")
    if not unpacker.eof or unpacker.unused_data:
        where = "goes on behind" if unpacker.eof else "ends before"
        raise Unreadable("malformed_encoding", f"the body {where} the end of its {coding}")
    return plain


def _window(body: bytes, coding: str) -> int:
    """Return zlib's `wbits` for a coding. Raises UnsupportedMedia for an unknown one."""
    if coding in {"gzip", "x-gzip"}:
        return GZIP
    if coding == "deflate":
        # RFC 1950: the low four bits of the first byte are 8, and the first two bytes are a multiple of 31.
        return ZLIB if body[:1] and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0 else BARE  # noqa: PLR2004  # RFC 1950
    raise UnsupportedMedia("content_encoding", f"the content encoding {coding[:50]!r} is not read; send {ACCEPTED}")


def _in_utf8(delivery: Delivery) -> bytes:
    """Return the body in UTF-8, by the charset that it declares, without a byte order mark."""
    body = delivery.body.removeprefix(BOM_UTF8)
    if delivery.headers.get("content-type") == "application/json":
        return body  # as almost all deliveries come
    charset = "utf-8" if content_type(delivery).endswith(OTHERS) else charset_of(delivery)
    if charset.startswith(UNICODE):
        return _decoded(body, charset).removeprefix("\ufeff").encode()
    # Some senders declare a Western charset by habit and send UTF-8, which is hardly ever valid by chance.
    return body if charset not in WESTERN or _is_utf8(body) else _decoded(body, charset).encode()


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except (LookupError, UnicodeError) as error:
        raise Unreadable(
            "malformed_body", f"the body is not in the charset {charset[:50]!r} that it declares"
        ) from error


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
