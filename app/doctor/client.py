"""A visit to our own public address, as a webhook's sender makes it."""

from __future__ import annotations

import httpx

from app.doctor.report import Visit

VISIT_SECONDS = 10.0
NOBODY = "segue-doctor-looks-whether-it-is-reached"
NOT_RECEIVED = b'{"received":false,"id":"dlv_'  # as deliveries that are turned away are answered


async def visited(url: str) -> Visit:
    """Return how a delivery is answered at the public address. It is of no source: nothing is kept of it."""
    try:
        async with httpx.AsyncClient(timeout=VISIT_SECONDS) as client:
            answer = await client.post(f"{url.rstrip('/')}/webhooks/{NOBODY}", content=b"{}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Visit(type(error).__name__, ours=False)
    return Visit(str(answer.status_code), ours=answer.content.startswith(NOT_RECEIVED))
