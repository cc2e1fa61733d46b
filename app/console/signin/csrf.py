"""Whether a request that changes something comes from the console's own pages. Pure.

Browsers say so in `Sec-Fetch-Site`, over TLS and to loopback. Elsewhere, and older ones, send `Origin`. No token stands
in a form. Pages must not have `Referrer-Policy: no-referrer`, which makes browsers send `Origin: null`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FETCH_SITE, ORIGIN = b"sec-fetch-site", b"origin"
SAME_ORIGIN = "same-origin"


def refusal(method: str, headers: Iterable[tuple[bytes, bytes]], own: Container[str]) -> str | None:
    """Return why a form is not from a page of the console, None where it is. `own` are the origins of the console."""
    if method in SAFE:
        return None
    headers = list(headers)
    if sites := _values(headers, FETCH_SITE):
        if sites == [SAME_ORIGIN]:
            return None
        return "it was sent from another site"
    origins = _values(headers, ORIGIN)
    if not origins:
        return "the browser does not say which page sent it"
    if len(origins) == 1 and origins[0] in own:
        return None
    return "it was sent from another address (SEGUE_CONSOLE_URL is that which browsers call, where a proxy hides it)"


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]
