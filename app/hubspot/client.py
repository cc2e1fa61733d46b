"""The connection to HubSpot's API. The requests, and what replies mean, are the `Call`s of `app.hubspot.api`."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import httpx
import structlog

from app.clock import elapsed_seconds
from app.connection_errors import cause_of
from app.errors import HubSpotError, NotConnected, NotSent, OutcomeUnknown, Refusal, StoreSlow
from app.hubspot.api import account as accounts
from app.hubspot.api.call import DEFAULT_VERSION
from app.hubspot.api.refusals import TOO_MANY_REQUESTS, correlation_of
from app.hubspot.api.replies import Reply
from app.hubspot.connections import ANNOUNCING, open_transport
from app.hubspot.first_byte import PERMITS_COME_LATE, RENEWALS, FirstByteGuard, PermitExpired
from app.hubspot.lanes import LANES, Lane
from app.hubspot.requests import RequestBuilder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from app.hubspot.api.account import TokenInfo
    from app.hubspot.api.call import Call
    from app.hubspot.rate_limit import Permit, RateLimit

BASE_URL = "https://api.hubapi.com"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WHOLE_SECONDS = 75.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError)
# Logs keep the name that operators search for.
LOGGED_AS: Mapping[type[HubSpotError], str] = {OutcomeUnknown: "Ambiguous"}
LONGEST_COUNT = 9  # digits of a plausible limit
UNAUTHORIZED = 401

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished HTTP call, for logs and metrics: no body, no address, no id of a person.

    `remaining` and `remaining_today` are the requests left in the window and in the day, by HubSpot's headers; `route`
    is a template; `status` is None when no answer came; `error_type` is HubSpot's code, or the kind of failure;
    `duration` is in seconds, from the first byte (or the attempt to connect) to the last; `date` is HubSpot's clock, in
    whole seconds, from the header of that name.
    """

    account: str
    route: str
    method: str
    status: int | None
    error_type: str | None
    correlation_id: str | None
    duration: float
    remaining: int | None = None
    remaining_today: int | None = None
    date: datetime | None = None


class _TokenRefused(Exception):
    """HubSpot has refused the access token of a request, and another token will take its place."""


class HubSpotClient:
    """One account's HubSpot. Raises NotSent, StoreSlow, OutcomeUnknown, Refusal, or what the rate limit raises.

    A `token` that is a function is called for every request, so that a new token is used at once; what it raises is
    raised unchanged. `renew` receives a token that HubSpot has refused with 401, and returns whether `token` returns
    another one from now on: then the request, which HubSpot has not processed, is sent once more. `transport` replaces
    the network (tests). The client repeats no other call: the caller decides that.
    """

    def __init__(
        self,
        account: str,
        token: str | Callable[[], str | Awaitable[str]],
        *,
        rate_limit: RateLimit,
        observe: Callable[[CallRecord], None],
        base_url: str = BASE_URL,
        version: str = DEFAULT_VERSION,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        renew: Callable[[str], bool] = lambda _: False,
    ) -> None:
        _keep_addresses_out_of_logs()
        self._account = account
        self._token = token
        self._renew = renew
        self._rate_limit = rate_limit
        self._observe = observe
        self._transport = transport or open_transport(base_url)
        # For any other transport the guard opens earlier.
        self._announces_first_byte = isinstance(self._transport, ANNOUNCING)
        self._requests = RequestBuilder(base_url, version, timeout)
        self._lanes = asyncio.Semaphore(LANES)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def permit(self) -> Permit:
        """Return a permit for one request, for a caller that decides late what it requests."""
        return await self._rate_limit.acquire()

    async def token_info(self) -> TokenInfo:
        """Return which user and account this client's token belongs to, and its scopes; private apps only."""
        return await self.send(accounts.token_info(await self._bearer()))

    async def send(
        self,
        call: Call[T],
        *,
        permit: Permit | None = None,
        before_connection: Callable[[], Awaitable[None]] | None = None,
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Send one request and return what its reply says.

        `before_connection` is awaited before a connection is taken, so that requests that wait for the store hold none.
        `before_send` is awaited once the connection is open and nothing is written: the first byte follows it at once.
        Both are awaited again when the permit expires meanwhile. What they raise is raised unchanged, and nothing was
        sent. A token that was renewed and is refused once more raises NotConnected.
        """
        if before_connection is None:
            return await self._send_renewing(call, permit, None, before_send)
        # A caller that commits before its request may have hundreds of them waiting. Others never wait for a lane, so
        # that `before_connection` may request something of HubSpot itself.
        async with Lane(self._lanes) as lane:
            return await self._send_renewing(call, permit, before_connection, lane.departing(before_send))

    async def _send_renewing(
        self,
        call: Call[T],
        permit: Permit | None,
        before_connection: Callable[[], Awaitable[None]] | None,
        before_send: Callable[[], Awaitable[None]] | None,
    ) -> T:
        try:
            return await self._send(call, permit, before_connection, before_send)
        except _TokenRefused:
            log.warning("hubspot.token_refused", account=self._account, route=call.route)
        try:
            return await self._send(call, None, before_connection, before_send)
        except _TokenRefused as refused:
            message = f"HubSpot refuses also the access token that it has just issued: {refused.__cause__}"
            raise NotConnected(message) from refused

    async def _send(
        self,
        call: Call[T],
        permit: Permit | None,
        before_connection: Callable[[], Awaitable[None]] | None,
        before_send: Callable[[], Awaitable[None]] | None,
    ) -> T:
        late = NotSent()
        for renewal in range(RENEWALS):
            bearer = await self._bearer()  # without one, no permit is taken
            permit = permit or await self._rate_limit.acquire(call.kind, again=renewal > 0)
            if before_connection is not None:
                await before_connection()
            if renewal or before_connection is not None:
                bearer = await self._bearer()  # the wait for a permit may have been long
            if permit.spent():
                late = StoreSlow(PERMITS_COME_LATE)
            else:
                guard = FirstByteGuard(self._rate_limit, permit, before_send, call.kind)
                try:
                    return await self._exchange(call, bearer, guard)
                except PermitExpired:
                    late = NotSent("no grant stayed fresh until a connection was free")
                except Refusal as refusal:
                    if refusal.status == UNAUTHORIZED and call.bearer and self._renew(bearer):
                        raise _TokenRefused from refusal
                    raise
            permit = None
        raise late

    async def _exchange(self, call: Call[T], bearer: str, guard: FirstByteGuard) -> T:
        """Send one request and read its reply; `observe` is called once for every call that happened."""
        started = elapsed_seconds()
        try:
            reply = await self._transmit(call, bearer, guard)
        except (NotSent, OutcomeUnknown) as error:
            if isinstance(error.__cause__, (httpx.HTTPError, TimeoutError)) and not isinstance(error, StoreSlow):
                self._record(call, started, None, cause_of(error.__cause__))
            raise
        return self._read(call, reply, guard.opened_at or started)

    async def _transmit(self, call: Call[T], bearer: str, guard: FirstByteGuard) -> Reply:
        request = self._requests.build(call, bearer, guard)
        if not self._announces_first_byte:
            await guard.open()
        try:
            # httpx limits the wait for each piece of an answer; this limits an answer that arrives in many pieces.
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._exchange_with(request)
        except (httpx.HTTPError, TimeoutError) as error:
            if isinstance(error, NEVER_SENT) or guard.opened_at is None:
                raise NotSent(f"{call.route}: {cause_of(error)}") from error
            raise OutcomeUnknown(f"{call.route}: {cause_of(error)}") from error

    async def _exchange_with(self, request: httpx.Request) -> Reply:
        # By the transport itself: what httpx's client does beyond it (redirects, cookies, hooks) took 300 us a request.
        response = await self._transport.handle_async_request(request)
        try:
            body = await response.aread()
        finally:
            await response.aclose()
        headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}
        return Reply(response.status_code, headers, body)

    async def _bearer(self) -> str:
        given = self._token if isinstance(self._token, str) else self._token()
        token = (given if isinstance(given, str) else await given).strip()
        if not (token and token.isascii() and token.isprintable()):
            raise NotSent("the access token is empty or has characters that no token has")
        return token

    def _read(self, call: Call[T], reply: Reply, started: float) -> T:
        self._adopt_limit(reply)
        try:
            value = call.parse(reply)
        except Refusal as refusal:
            if refusal.status == TOO_MANY_REQUESTS:
                self._rate_limit.throttled(refusal.code, refusal.retry_after)
            self._record(call, started, reply, refusal.code)
            raise
        except HubSpotError as error:
            self._record(call, started, reply, LOGGED_AS.get(type(error), type(error).__name__))
            raise
        self._record(call, started, reply, None)
        return value

    def _adopt_limit(self, reply: Reply) -> None:
        maximum = reply.headers.get("x-hubspot-ratelimit-max", "")
        interval = reply.headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        if _is_count(maximum) and _is_count(interval):
            self._rate_limit.adopt_limit(int(maximum), int(interval))

    def _record(self, call: Call[T], started: float, reply: Reply | None, error_type: str | None) -> None:
        self._observe(
            CallRecord(
                account=self._account,
                route=call.route,
                method=call.method,
                status=reply.status if reply else None,
                error_type=error_type,
                correlation_id=correlation_of(reply) if reply else None,
                duration=elapsed_seconds() - started,
                remaining=_count(reply, "x-hubspot-ratelimit-remaining"),
                remaining_today=_count(reply, "x-hubspot-ratelimit-daily-remaining"),
                date=_date(reply),
            )
        )


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= LONGEST_COUNT and int(value) > 0


def _count(reply: Reply | None, header: str) -> int | None:
    value = reply.headers.get(header, "") if reply else ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= LONGEST_COUNT else None


def _date(reply: Reply | None) -> datetime | None:
    return _instant(reply.headers.get("date", "")) if reply else None


@lru_cache(maxsize=4)  # the same text for a second
def _instant(text: str) -> datetime | None:
    """Return HubSpot's clock; a date without a zone, or garbage, is None."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else None


def _keep_addresses_out_of_logs() -> None:
    # httpx logs whole URLs at INFO, and some hold an address; so does httpx2, its successor, where another library
    # brings it. A level that is already set is left alone.
    for name in ("httpx", "httpx2"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
