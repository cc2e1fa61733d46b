"""HubSpot's signatures of its requests to others ("validating requests" page)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import unquote

# These escapes of a URL are decoded before it is signed with v3; all others stay as they are.
_DECODED = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def first(secret: str, body: bytes) -> str:
    """Return the v1 signature."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def second(secret: str, method: str, url: str, body: bytes) -> str:
    """Return the v2 signature."""
    return hashlib.sha256(f"{secret}{method}{url}".encode() + body).hexdigest()


def third(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    """Return the v3 signature; the timestamp is in milliseconds since 1970."""
    decoded = _DECODED.sub(lambda escape: unquote(escape[0]), url)
    message = f"{method}{decoded}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def webhook_headers(secret: str, url: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of a delivery by the webhooks API: v3, and the older v1 beside it."""
    timestamp = str(round(now * 1000))
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": third(secret, "POST", url, body, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
        "X-HubSpot-Signature": first(secret, body),
        "X-HubSpot-Signature-Version": "v1",
    }


def workflow_headers(secret: str, url: str, body: bytes) -> dict[str, str]:
    """Return the headers of a request by a workflow's action: v2."""
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Signature": second(secret, "POST", url, body),
        "X-HubSpot-Signature-Version": "v2",
    }
