"""Any request to any path below /webhooks/ ends in a documented status, and never in a defect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.service import Running

STATUSES = {200, 400, 401, 404, 405, 413, 415, 503}
SOURCES = ("crm", "open", "webinar", "portal")
# One service takes all the examples of a test, as one service takes all that strangers send.
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

header_names = st.sampled_from(
    [
        b"webhook-id",
        b"webhook-timestamp",
        b"webhook-signature",
        b"svix-id",
        b"x-zm-signature",
        b"x-zm-request-timestamp",
        b"x-hubspot-signature",
        b"x-hubspot-signature-version",
        b"x-hubspot-signature-v3",
        b"x-hubspot-request-timestamp",
        b"x-first-name",
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"host",
    ]
) | st.from_regex(rb"[a-z0-9!#$%&'*+.^_`|~-]{1,30}", fullmatch=True)
# A server passes on any octet but line ends and NUL, and no content length of more than 20 digits.
header_values = st.one_of(
    st.binary(max_size=60).map(lambda value: bytes(octet for octet in value if octet not in b"\r\n\x00")),
    st.sampled_from(
        [b"", b"0", b"-1", b"9" * 20, b"v1", b"v1,", b"v0=", b"=", b"\xb2", b"1e9", b"gzip", b"x" * 60_000]
    ),
)
headers_lists = st.lists(st.tuples(header_names, header_values), max_size=12)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**300, 10**301), st.floats(), st.text(max_size=20)
)
keys = st.sampled_from(["type", "id", "email", "at", "event", "payload", "data", "eventId", "\x00"]) | st.text(
    max_size=5
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
texts_of_json = st.one_of(
    trees.map(lambda value: json.dumps(value).encode()),
    st.integers(1, 1900).map(lambda depth: b'{"type":"ping","a":' + b"[" * depth + b"1" + b"]" * depth + b"}"),
    st.integers(1, 600).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth),
    st.integers(1, 3900).map(lambda digits: b'{"type":"ping","n":' + b"9" * digits + b"}"),
    st.sampled_from(
        [
            b'{"type":"ping","n":NaN}',
            b'{"type":"ping","n":-Infinity}',
            b'{"type":"ping","n":1e999}',
            b'{"type":"ping","at":1e300}',
            b'{"type":"ping","at":99999999999999999999}',
            b'{"type":"ping","at":"9999-12-31T23:59:59-23:59"}',
            b'{"type":"ping","at":"0001-01-01T00:00:00+23:59"}',
            b'{"type":"ping","email":"\\u0000@x"}',
            b'{"type":"ping","email":"\\ud800"}',
            b'{"type":"ping","type":"ping"}',
            b'\xef\xbb\xbf{"type":"ping"}',
            b'{"type":"ping"}\x00',
        ]
    ),
)
# Events of the open source that rules listen to: they go all the way into PostgreSQL.
heard = st.fixed_dictionaries(
    {"type": st.just("ping")},
    optional={"id": scalars, "email": scalars | st.emails(), "at": scalars | st.datetimes().map(str), "data": trees},
).map(lambda value: json.dumps(value).encode())


async def ask(
    web: Running, raw_path: bytes, headers: Sequence[tuple[bytes, bytes]], chunks: Sequence[bytes], **changes: Any
) -> int:
    """Send a request as a server hands it over, past what a client library would refuse; return the status."""
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:  # ASGI's signature
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": ("192.0.2.1", 1),
        "server": ("segue.example", 80),
    }
    with capture_logs() as logs:
        await web.public(scope | changes, receive, send)
    assert [line for line in logs if line["event"].endswith((".defect", ".delivery_refused", ".unavailable"))] == []
    status: int = sent[0]["status"]
    looked = changes.get("method") in {"GET", "HEAD"}
    assert (b"".join(message["body"] for message in sent[1:]) != b"") or looked
    assert status in STATUSES
    return status


async def still_ready(web: Running) -> bool:
    ready = await web.client.get("/readyz")
    return ready.is_success and (await web.deliver("crm", {"type": "signup", "data": {"employees": 1}})).is_success


@many
@given(source=st.sampled_from(SOURCES), headers=headers_lists, chunks=st.lists(st.binary(max_size=3000), max_size=3))
async def test_any_bytes_under_any_headers_end_in_a_documented_status(
    web: Running, source: str, headers: list[tuple[bytes, bytes]], chunks: list[bytes]
) -> None:
    await ask(web, b"/webhooks/" + source.encode(), headers, chunks)
    assert await still_ready(web)


@many
@given(body=texts_of_json)
async def test_any_unsigned_json_ends_in_a_documented_status(web: Running, body: bytes) -> None:
    assert await ask(web, b"/webhooks/open", [], [body]) in {200, 400}
    assert await still_ready(web)


@many
@given(body=heard, name=header_values)
async def test_any_event_that_a_rule_hears_is_stored_or_unreadable(web: Running, body: bytes, name: bytes) -> None:
    assert await ask(web, b"/webhooks/open", [(b"x-first-name", name)], [body]) in {200, 400, 413}
    assert await still_ready(web)


@many
@given(
    source=st.sampled_from(["crm", "webinar", "portal"]), body=texts_of_json | trees.map(lambda v: orjson.dumps(str(v)))
)
async def test_any_json_that_was_signed_ends_in_a_documented_status(web: Running, source: str, body: bytes) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in web.signed(source, body).items()]
    headers.append((b"host", b"segue.example"))
    assert await ask(web, b"/webhooks/" + source.encode(), headers, [body], scheme="https") in {200, 400}
    assert await still_ready(web)


@many
@given(
    segment=st.from_regex(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2}){0,60}", fullmatch=True),
    query=st.binary(max_size=40).map(lambda value: bytes(octet for octet in value if 32 < octet < 127)),
    method=st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PROPFIND", "post"]),
)
async def test_any_path_query_and_method_end_in_a_documented_status(
    web: Running, segment: bytes, query: bytes, method: str
) -> None:
    status = await ask(web, b"/webhooks/" + segment, [], [b"{}"], query_string=query, method=method)

    known = unquote_to_bytes(segment).partition(b"/")[0].decode("latin-1") in {"crm", "open", "webinar", "portal"}
    asking = method in {"GET", "HEAD"}  # answered alike, whether there is such a source or not
    assert known or asking or status == 404
    assert status != 405 or asking or known
    assert await still_ready(web)
