"""Which URL a sender may have called, where a proxy has put another one in its place: by what proxies say of it."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.model import Delivery

SCHEMES = ("https", "http")
ROOM = "/webhooks/"
# RFC 7239: `Forwarded: for=192.0.2.1;proto=https;host="segue.example"`
FORWARDED = re.compile(r'\bhost="?([^",;\s]+)', re.IGNORECASE)
PLAIN = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,253}")
PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,5}")
PATHS = ("x-original-uri", "x-original-url", "x-envoy-original-path", "x-forwarded-uri", "x-rewrite-url")


def called_urls(delivery: Delivery) -> Iterator[tuple[str, str]]:
    """Yield (its beginning, URL) of each other URL that the sender may have called, the likeliest ones first."""
    scheme, _, rest = delivery.url.partition("://")
    host, _, path = rest.partition("/")
    prefix, room, name = f"/{path}".partition(ROOM)
    headers, own = delivery.headers, room + name
    hosts = [host, *_first(headers, "x-forwarded-host"), *_forwarded(headers), *_first(headers, "host")]
    prefixes = [prefix, "", *_first(headers, "x-forwarded-prefix", PREFIX), *_cut_off(headers, own)]
    for prefix_, host_, scheme_ in product(*map(dict.fromkeys, (prefixes, hosts, [scheme, *SCHEMES]))):
        url = f"{scheme_}://{host_}{prefix_}{own}"
        if url != delivery.url:
            elsewhere = f"{host_}{prefix_}/" if (host_, prefix_) != (host, prefix) else ""
            yield f"{scheme_}://{elsewhere}", url


def _first(headers: Mapping[str, str], name: str, shape: re.Pattern[str] = PLAIN) -> list[str]:
    """Return the first value of a header that proxies extend, where it has the right shape."""
    value = headers.get(name, "").partition(",")[0].strip().rstrip("/")
    return [value] if shape.fullmatch(value) else []


def _forwarded(headers: Mapping[str, str]) -> list[str]:
    return [value for value in FORWARDED.findall(headers.get("forwarded", ""))[:1] if PLAIN.fullmatch(value)]


def _cut_off(headers: Mapping[str, str], own: str) -> list[str]:
    """Return what a proxy has cut off in front of the path, by the headers in which some keep the original one."""
    kept = [re.sub(r"\A\w+://[^/]*", "", headers.get(name, "")) for name in PATHS]
    return [cut for path in kept if path.endswith(own) and PREFIX.fullmatch(cut := path.removesuffix(own))]
