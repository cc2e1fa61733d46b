"""The certificates that this process trusts when it connects to others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context that all HTTP clients of this process share, as httpx makes it for one client.

    Reading the certificates takes about 25 ms and 1 MB, and a process has several clients.
    """
    return httpx.create_ssl_context()
