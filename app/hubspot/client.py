"""The HubSpot client: the only module that opens a connection. What is asked and what replies mean is `protocol`."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from app.clock import elapsed_seconds
from app.errors import HubSpotError, NotSent, OutcomeUnknown, Refusal, SegueError, StoreSlow
from app.hubspot.api import account as accounts
from app.hubspot.api import contacts, details, properties, search, workflow_action, workflows
from app.hubspot.api import sequences as protocol
from app.hubspot.api.refusals import TOO_MANY_REQUESTS, correlation_of
from app.hubspot.api.replies import Reply
from app.hubspot.first_byte import GRANTS_COME_LATE, RENEWALS, FirstByteGuard, PermitExpired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from app.hubspot.api.account import AccountDetails, TokenInfo, Usage
    from app.hubspot.api.contacts import Contact, Upsert
    from app.hubspot.api.details import SequenceDetails, UserPage
    from app.hubspot.api.properties import PropertyDefinition
    from app.hubspot.api.search import FoundPage
    from app.hubspot.api.sequences import Call, Enrolled, EnrollmentStatus, Owner, OwnerPage, SequencePage
    from app.hubspot.api.workflow_action import Developer, Registered
    from app.hubspot.rate_limit import Permit, RateLimit
    from app.model import Sender

BASE_URL = "https://api.hubapi.com"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WHOLE_SECONDS = 75.0
# Idle connections are dropped after 4 s: many servers close theirs after 5 s, and one that is closed just while a
# request is written leaves nobody knowing what became of it.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=4.0)
# The last one is ours: a request that cannot be written as HTTP is found out before its first byte.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError)
LONGEST_COUNT = 9  # digits of a believable limit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One HTTP call as it went, for logs and metrics: no body, no address, no id of a person.

    `remaining` and `remaining_today` are what HubSpot's headers say is left of its window and of the day;
    `route` is a template; `status` is None when no answer came; `error_type` is HubSpot's code, or the kind of failure;
    `duration` is in seconds, from the first byte (or the attempt to connect) to the last; `date` is HubSpot's clock, in
    whole seconds, by the header of that name.
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


class HubSpotClient:
    """One account's HubSpot. Every method raises NotSent, StoreSlow, OutcomeUnknown, Refusal, or what `pace` raises.

    `token` is asked for anew by every request when it is a function, so that a mended or a renewed one is used at once;
    what it raises is raised unchanged. `transport` replaces the network (tests). No call is repeated here: who may
    repeat one is the caller's decision.
    """

    def __init__(
        self,
        account: str,
        token: str | Callable[[], str | Awaitable[str]],
        *,
        pace: RateLimit,
        observe: Callable[[CallRecord], None],
        base_url: str = BASE_URL,
        version: str = protocol.DEFAULT_VERSION,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._account = account
        self._token = token
        self._pace = pace
        self._observe = observe
        self._version = version
        # Only httpcore announces the moment before the first byte; any other transport is asked to wait before it.
        self._traced = transport is None or isinstance(transport, httpx.AsyncHTTPTransport)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Accept": "application/json"},
            transport=transport,
            timeout=timeout,
            limits=LIMITS,
            http2=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        _keep_addresses_out_of_logs()
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._http.__aexit__(kind, error, trace)

    async def grant(self) -> Permit:
        """Return leave for one request, for a caller that decides late what to ask."""
        return await self._pace.acquire()

    async def enroll(
        self, contact_id: str, sequence: str, sender: Sender, *, before_send: Callable[[], Awaitable[None]]
    ) -> Enrolled:
        """Send the one enroll request.

        `before_send` is awaited before a connection is taken, so that requests that wait for the store hold none; and
        again with the connection in hand and nothing written: the first byte follows it at once. It is awaited anew
        whenever the grant grew old meanwhile. What it raises is raised unchanged, and nothing was sent.
        """
        call = protocol.enroll(self._version, contact_id, sequence, sender)
        return await self._send(call, before_connection=before_send, before_send=before_send)

    async def enrollment_status(self, contact_id: str) -> EnrollmentStatus | None:
        """Return the sequence that the contact is in now, None when HubSpot shows none."""
        return await self._send(protocol.enrollment_status(self._version, contact_id))

    async def workflow_id(self, flow_id: str) -> str:
        """Return the older id of a workflow, which is what puts contacts into it."""
        return await self._send(workflows.workflow_id(flow_id))

    async def enroll_in_workflow(
        self, workflow_id: str, email: str, *, before_send: Callable[[], Awaitable[None]]
    ) -> None:
        """Put a contact into a workflow, by its older id.

        `before_send` is awaited with the connection in hand and nothing written, as for `enroll`.
        """
        await self._send(workflows.enroll_in_workflow(workflow_id, email), before_send=before_send)

    async def register_action(self, developer: Developer, told: dict[str, Any]) -> Registered:
        """Register an action for workflows; one of the same app with the same `actionUrl` is replaced."""
        after: str | None = None
        while True:
            page = await self._send(workflow_action.list_actions(self._version, developer, after))
            for known in page.definitions:
                if known.url == told["actionUrl"]:
                    return await self._send(workflow_action.update_action(self._version, developer, known.id, told))
            if (after := page.after) is None:
                return await self._send(workflow_action.create_action(self._version, developer, told))

    async def upsert_contacts(
        self, inputs: Sequence[Upsert], *, grant: Permit | None = None
    ) -> dict[Upsert, Contact | HubSpotError]:
        """Create or update up to 100 contacts; inputs that HubSpot's answer does not name are left out."""
        return await self._send(contacts.upsert_contacts(self._version, inputs), grant=grant)

    async def read_contacts(
        self, keys: Sequence[str], names: Iterable[str], *, by: str | None = None, grant: Permit | None = None
    ) -> dict[str, Contact | HubSpotError]:
        """Read up to 100 contacts by id, or by a unique property; keys that the answer does not name are left out."""
        return await self._send(contacts.read_contacts(self._version, keys, names, by=by), grant=grant)

    async def contacts_between(
        self, dates: Sequence[str], since: datetime, until: datetime, beyond: str | None = None
    ) -> FoundPage:
        """Find contacts of whose properties `dates` any one lies between two instants, a page at a time."""
        return await self._send(search.contacts_between(self._version, dates, since, until, beyond))

    async def owners_by_email(self, email: str) -> tuple[Owner, ...]:
        """Find owners by address."""
        return await self._send(protocol.owners_by_email(self._version, email))

    async def list_owners(self, after: str | None = None, *, archived: bool = False) -> OwnerPage:
        """Return one page of the owners, or of those who were archived."""
        return await self._send(protocol.list_owners(self._version, after, archived=archived))

    async def list_sequences(self, user_id: str, after: str | None = None) -> SequencePage:
        """Return one page of the sequences that a user may send."""
        return await self._send(protocol.list_sequences(self._version, user_id, after))

    async def get_sequence(self, user_id: str, sequence: str) -> protocol.Sequence:
        """Return one sequence."""
        return await self._send(protocol.get_sequence(self._version, user_id, sequence))

    async def sequence_details(self, user_id: str, sequence: str) -> SequenceDetails:
        """Return one sequence with its steps and settings."""
        return await self._send(details.sequence_details(self._version, user_id, sequence))

    async def list_users(self, after: str | None = None) -> UserPage:
        """Return one page of the users with their seats."""
        return await self._send(details.list_users(self._version, after))

    async def contact_properties(self) -> tuple[PropertyDefinition, ...]:
        """Return how the properties of contacts are defined, sensitive ones left out."""
        return await self._send(properties.contact_properties(self._version))

    async def token_info(self) -> TokenInfo:
        """Return whose this client's token is, and its scopes; private apps only."""
        return await self._send(accounts.token_info(await self._bearer()))

    async def account_details(self) -> AccountDetails:
        """Return which account this is."""
        return await self._send(accounts.account_details(self._version))

    async def daily_usage(self) -> Usage | None:
        """Return how much of the account's day is used, None where HubSpot has no figure now."""
        return await self._send(accounts.daily_usage(self._version))

    async def _send(
        self,
        call: Call[T],
        *,
        grant: Permit | None = None,
        before_connection: Callable[[], Awaitable[None]] | None = None,
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        late: SegueError = StoreSlow(GRANTS_COME_LATE)
        for renewal in range(RENEWALS):
            bearer = await self._bearer()
            grant = grant or await self._pace.acquire(call.kind, again=renewal > 0)
            if before_connection is not None:
                await before_connection()
            if not grant.spent():
                try:
                    return await self._exchange(call, bearer, FirstByteGuard(self._pace, grant, before_send, call.kind))
                except PermitExpired:
                    late = NotSent("no grant stayed fresh until a connection was free")
            grant = None
        raise late

    async def _exchange(self, call: Call[T], bearer: str, gate: FirstByteGuard) -> T:
        """Send one request and read its reply; every call that happened is told to `observe`, once."""
        started = elapsed_seconds()
        try:
            reply = await self._transmit(call, bearer, gate)
        except (NotSent, OutcomeUnknown) as error:
            if isinstance(error.__cause__, (httpx.HTTPError, TimeoutError)):
                self._tell(call, started, None, type(error.__cause__).__name__)
            raise
        return self._decipher(call, reply, gate.opened_at or started)

    async def _transmit(self, call: Call[T], bearer: str, gate: FirstByteGuard) -> Reply:
        request = self._request(call, gate, bearer)
        if not self._traced:
            await gate.open()
        try:
            # httpx limits the wait for each piece of an answer; an answer that trickles in has an end, too.
            async with asyncio.timeout(WHOLE_SECONDS):
                response = await self._http.send(request)
        except (httpx.HTTPError, TimeoutError) as error:
            if isinstance(error, NEVER_SENT) or gate.opened_at is None:
                raise NotSent(f"{call.route}: {type(error).__name__}") from error
            raise OutcomeUnknown(f"{call.route}: {type(error).__name__}") from error
        return Reply(response.status_code, response.headers, response.content)

    def _request(self, call: Call[T], gate: FirstByteGuard, bearer: str) -> httpx.Request:
        headers = {"Authorization": f"Bearer {bearer}"} if call.bearer else {}
        return self._http.build_request(
            call.method,
            call.path,
            params=dict(call.query),
            content=None if call.json is None else json.dumps(call.json).encode(),
            headers=headers if call.json is None else headers | {"Content-Type": "application/json"},
            extensions={"trace": gate.trace},
        )

    async def _bearer(self) -> str:
        given = self._token if isinstance(self._token, str) else self._token()
        token = (given if isinstance(given, str) else await given).strip()
        if not (token and token.isascii() and token.isprintable()):
            raise NotSent("the access token is empty or has characters that no token has")
        return token

    def _decipher(self, call: Call[T], reply: Reply, started: float) -> T:
        self._heed_limit(reply)
        try:
            value = call.decipher(reply)
        except Refusal as refusal:
            if refusal.status == TOO_MANY_REQUESTS:
                self._pace.throttled(refusal.code, refusal.retry_after)
            self._tell(call, started, reply, refusal.code)
            raise
        except HubSpotError as error:
            self._tell(call, started, reply, type(error).__name__)
            raise
        self._tell(call, started, reply, None)
        return value

    def _heed_limit(self, reply: Reply) -> None:
        maximum = reply.headers.get("x-hubspot-ratelimit-max", "")
        interval = reply.headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        if _is_count(maximum) and _is_count(interval):
            self._pace.believe(int(maximum), int(interval))

    def _tell(self, call: Call[T], started: float, reply: Reply | None, error_type: str | None) -> None:
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
    """Return HubSpot's clock; a date without a zone, or garbage, is none."""
    try:
        told = parsedate_to_datetime(reply.headers["date"]) if reply else None
    except (KeyError, ValueError, OverflowError):
        return None
    return told if told and told.tzinfo else None


def _keep_addresses_out_of_logs() -> None:
    # httpx logs whole URLs at INFO, and owners are asked for by address. A level that somebody chose is left alone.
    logger = logging.getLogger("httpx")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
