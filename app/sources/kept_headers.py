"""Which parts of a delivery's head are stored: those that Segue reads. Any other may hold another system's credentials.

Senders and proxies send more than a source asks for: cookies, keys of gateways, tokens in the URL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.sources.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What the body is, who sent it, and what proxies say of the URL that was called.
COMMON = frozenset(
    {
        *("content-type", "content-length", "content-encoding", "user-agent", "date", "host", "forwarded"),
        *("x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-forwarded-uri", "x-original-uri"),
        *("x-original-url", "x-envoy-original-path", "x-rewrite-url", "x-request-id", "traceparent"),
    }
)
NOT_KEPT = "[not kept]"
_PARAMETER = re.compile(r"(?i)(?<=[?&])((?:access_|auth_|api_)?token|api_?key|secret|password|passwd)=([^&#]*)")


def known_headers(
    headers: Mapping[str, str], names: Collection[str], prefixes: tuple[str, ...], secret: str | None
) -> dict[str, str]:
    """Return the headers that have one of `names` (lower case) or `prefixes`, or are `COMMON`.

    Of the header `secret` a value is kept only where it was the source's own, which is replaced already: another one
    may be a former password, or the right one with a slip.
    """
    kept = {
        name: value for name, value in headers.items() if name in COMMON or name in names or name.startswith(prefixes)
    }
    if secret in kept and REDACTED not in kept[secret]:
        kept[secret] = NOT_KEPT
    return kept


def without_parameters(url: str) -> str:
    """Return the URL without the values of parameters that are named like a credential."""
    if "?" not in url:
        return url
    return _PARAMETER.sub(lambda found: found[0] if found[2] == REDACTED else f"{found[1]}={NOT_KEPT}", url)
