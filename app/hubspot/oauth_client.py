"""The client for HubSpot's token routes: the one other module that opens connections to HubSpot.

These calls issue access tokens, so they carry none. They do not count against an account's rate limit, because HubSpot
counts requests by token. So they share only the base URL and the call record with `HubSpotClient`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import httpx

from app.clock import elapsed_seconds
from app.connection_errors import cause_of
from app.errors import HubSpotError, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api.refusals import correlation_of
from app.hubspot.api.replies import Reply
from app.hubspot.client import BASE_URL, NEVER_SENT, CallRecord
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.api.consent import OAuthApp
    from app.hubspot.api.oauth import TokenCall

# One whole call, with connecting. A lease that is held meanwhile is longer.
CALL_SECONDS = 10.0

T = TypeVar("T")


class OAuthClient:
    """Requests tokens as `app`, by the calls of `app.hubspot.api.oauth`.

    `account` is the account of the tokens, for `observe`. `transport` replaces the network (tests). Every call may be
    repeated except `exchange`: HubSpot takes a code once.
    """

    def __init__(
        self,
        app: OAuthApp,
        *,
        observe: Callable[[CallRecord], None],
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.app = app
        self._observe = observe
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Accept": "application/json"},
            transport=transport,
            verify=tls_context(),
            timeout=CALL_SECONDS,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(self, account: str, call: TokenCall[T]) -> T:
        """Send one request, and return what its reply says. Raises NotSent, OutcomeUnknown, Refusal or GrantRevoked."""
        started = elapsed_seconds()
        reply: Reply | None = None
        error_type: str | None = None
        try:
            reply = await self._transmit(call)
            return call.parse(reply)
        except HubSpotError as error:
            error_type = error.code if isinstance(error, Refusal) else type(error).__name__
            raise
        finally:
            self._observe(_record(account, call, reply, error_type, elapsed_seconds() - started))

    async def _transmit(self, call: TokenCall[T]) -> Reply:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                response = await self._http.post(call.path, data=dict(call.form))
        except (httpx.HTTPError, TimeoutError) as error:
            kind = NotSent if isinstance(error, NEVER_SENT) else OutcomeUnknown
            raise kind(f"{call.route}: {cause_of(error)}") from error
        return Reply(response.status_code, response.headers, response.content)


def _record(
    account: str, call: TokenCall[T], reply: Reply | None, error_type: str | None, duration: float
) -> CallRecord:
    return CallRecord(
        account=account,
        route=call.route,
        method="POST",
        status=reply.status if reply else None,
        error_type=error_type,
        correlation_id=correlation_of(reply) if reply else None,
        duration=duration,
    )
