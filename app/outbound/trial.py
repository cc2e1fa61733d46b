"""The body of a test event, as operators send it to an endpoint. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from datetime import datetime


def trial_body(endpoint: str, now: datetime) -> bytes:
    """Return the body of a `segue.test` event for this endpoint."""
    return orjson.dumps({"type": "segue.test", "timestamp": now.isoformat(), "data": {"endpoint": endpoint}})
