"""A request to the public address of this service, as the sender of a webhook makes it."""

from __future__ import annotations

import httpx

from app.connection_errors import cause_of
from app.doctor.report import Visit
from app.tls import tls_context

VISIT_SECONDS = 10.0
NO_SOURCE = "segue-doctor-looks-whether-it-is-reached"
NOT_RECEIVED = b'{"received":false,"id":"dlv_'  # the answer to a rejected delivery


async def visited(url: str) -> Visit:
    """Return how the public address answers a delivery. The delivery has no source, so that nothing of it is stored."""
    try:
        async with httpx.AsyncClient(timeout=VISIT_SECONDS, verify=tls_context()) as client:
            reply = await client.post(f"{url.rstrip('/')}/webhooks/{NO_SOURCE}", content=b"{}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Visit(cause_of(error), ours=False)
    return Visit(str(reply.status_code), ours=reply.content.startswith(NOT_RECEIVED))
