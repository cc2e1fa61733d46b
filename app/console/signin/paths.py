"""Where a person is led after signing in: paths of the console alone. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlencode

HOME = "/admin"
SIGN_IN, SIGN_OUT, LINK = f"{HOME}/sign-in", f"{HOME}/sign-out", f"{HOME}/link"
OIDC_BEGIN, OIDC_CALLBACK = f"{HOME}/oidc/begin", f"{HOME}/oidc/callback"
LONGEST = 2000
# What RFC 3986 allows in a path and a query, and nothing that browsers read differently from us: no backslash, no
# control character, no empty segment, which at the start would name a host.
_LOCAL = re.compile(r"/admin(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")


def local_path(text: str | None) -> str:
    """Return `text` where it is a path of the console to which a person may be led, else the path of its first page."""
    if not text or len(text) > LONGEST or not _LOCAL.fullmatch(text):
        return HOME
    path = text.partition("?")[0]
    segments = unquote(path).split("/")
    here = path in {SIGN_IN, SIGN_OUT, LINK} or path.startswith(f"{HOME}/oidc/")
    return HOME if here or {".", ".."} & set(segments) else text


def with_next(path: str, following: str) -> str:
    """Return a path of signing in that leads on to `following`."""
    return path if following == HOME else f"{path}?{urlencode({'next': following})}"
