"""Where browsers reach the console: its origins, and whether cookies travel encrypted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.networks import is_unencrypted
from app.web.access.client_address import client_scheme

if TYPE_CHECKING:
    from starlette.types import Scope

    from app.networks import Networks

PORTS = {"http": 80, "https": 443}
COOKIE = "segue"


def origin_of(url: str) -> str | None:
    """Return the origin of a URL as browsers write it, None where it has none."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, PORTS[parts.scheme]) else f":{port}")


@dataclass(frozen=True, slots=True)
class Origins:
    """The console's origins: `configured` ones, and what a request names. `trusted` are the proxies that are believed.

    `callback` is the one that the identity provider redirects to, None where none is configured.
    """

    configured: frozenset[str]
    callback: str | None
    trusted: Networks

    @classmethod
    def of(cls, console_url: str | None, public_url: str | None, trusted: Networks, *, apart: bool) -> Origins:
        """Return them by the settings. `apart`: operators have a port of their own, where no public URL leads."""
        urls = [console_url, None if apart else public_url]
        known = [origin for url in urls if url and (origin := origin_of(url))]
        return cls(frozenset(known), known[0] if known else None, trusted)

    def requested(self, scope: Scope) -> str | None:
        """Return the origin that a browser called, None where the request names none."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        for scheme in ("https", client_scheme(scope.get("client"), scope["headers"], self.trusted, scope["scheme"])):
            origin = origin_of(f"{scheme}://{host}")
            # A proxy that is not trusted does not say by which scheme it was called; the settings do.
            if origin in self.configured:
                return origin
        return origin

    def own(self, scope: Scope) -> frozenset[str]:
        """Return the origins whose pages may send forms with this request."""
        requested = self.requested(scope)
        return self.configured | ({requested} if requested else set())

    def secure(self, scope: Scope) -> bool | None:
        """Return whether cookies travel by TLS; None where they would travel open, beyond this machine."""
        requested = self.requested(scope)
        if requested is None:
            return None
        if requested.startswith("https://"):
            return True
        return None if is_unencrypted(requested) else False


def cookie_name(name: str, *, secure: bool) -> str:
    """Return a cookie's name. Browsers keep one with this prefix for this host and TLS alone (RFC 6265bis)."""
    return f"__Host-{name}" if secure else name
