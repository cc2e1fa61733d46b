"""Passwords are removed from a delivery before it is stored: a reader of the database could send in the sender's name.

`restored` puts one back, so that a stored delivery can be checked again.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from app.sources.signing import octets

if TYPE_CHECKING:
    from app.model import Delivery, Secret

REDACTED = "[verified]"
PIECES = re.compile(r"([/?&=#])")


def without(delivery: Delivery, value: str, *, in_body: bool) -> Delivery:
    """Return the delivery without the secret in its URL and headers, and in its body where `in_body` is true."""
    basic = base64.b64encode(octets(value)).decode()
    # Proxies repeat the URL in headers of their own, and some of them repeat credentials.
    kept = {name: _url_without(sent, value).replace(basic, REDACTED) for name, sent in delivery.headers.items()}
    url, body = _url_without(delivery.url, value), delivery.body
    if in_body:
        body = body.replace(octets(value), REDACTED.encode())
    return replace(delivery, url=url, headers=kept, body=body)


def _url_without(url: str, value: str) -> str:
    """Return the URL without the secret, which may be written with needless escapes."""
    if value not in url and "%" not in url and "+" not in url:
        return url
    pieces = PIECES.split(url)
    return "".join(REDACTED if unquote_plus(piece) == value else piece for piece in pieces).replace(value, REDACTED)


def restored(delivery: Delivery, secret: Secret) -> Delivery:
    """Return a stored delivery with `secret` where an accepted one was removed, so that it can be checked again."""
    basic = base64.b64encode(octets(secret.value)).decode()
    kept = {
        name: value.replace(REDACTED, basic if value[:6].lower() == "basic " else secret.value)
        for name, value in delivery.headers.items()
    }
    return replace(delivery, url=delivery.url.replace(REDACTED, secret.value), headers=kept)
