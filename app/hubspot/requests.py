"""Requests to HubSpot as httpx has them: what is the same for all of them is built once."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.hubspot.api.call import Call
    from app.hubspot.first_byte import FirstByteGuard

URLS = 128  # those used last are kept parsed: parsing takes longer than sending


class RequestBuilder:
    """Builds the requests to one origin, for one version of HubSpot's API."""

    def __init__(self, base_url: str, version: str, timeout: httpx.Timeout) -> None:
        self._base_url = base_url.rstrip("/")
        self._version = version
        self._timeout = timeout.as_dict()
        self._headers = (
            (b"Host", httpx.URL(base_url).netloc),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip, deflate"),
            (b"User-Agent", b"python-httpx/" + httpx.__version__.encode("ascii")),
        )
        self._url = lru_cache(maxsize=URLS)(self._parsed_url)

    def build(self, call: Call[Any], bearer: str, guard: FirstByteGuard) -> httpx.Request:
        """Return the request of a call. `guard` is awaited by the transport that sends it."""
        body = b"" if call.json is None else _as_json(call.json)
        headers = [*self._headers]
        if call.bearer:
            headers.append((b"Authorization", b"Bearer " + bearer.encode("ascii")))
        if call.json is not None:
            headers.append((b"Content-Type", b"application/json"))
        if call.method != "GET":
            headers.append((b"Content-Length", b"%d" % len(body)))
        return httpx.Request(
            call.method,
            self._url(call.path(self._version), call.query),
            headers=headers,
            stream=httpx.ByteStream(body),
            extensions={"trace": guard.trace, "first_byte": guard, "timeout": self._timeout},
        )

    def _parsed_url(self, path: str, query: tuple[tuple[str, str], ...]) -> httpx.URL:
        return httpx.URL(self._base_url + path, params=dict(query) if query else None)


def _as_json(value: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half of a surrogate pair, or a huge number: both can be written as JSON
        return json.dumps(value).encode()
