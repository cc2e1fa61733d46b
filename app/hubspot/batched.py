"""HubSpot for enrolling, one contact at a time; contacts that are requested at the same time share calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.batching import Batcher
from app.clock import elapsed_seconds
from app.errors import HubSpotError, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api import sequences, workflows
from app.hubspot.api.contacts import BATCH_LIMIT, Contact, Upsert, read_contacts, upsert_contacts
from app.hubspot.api.replies import instant
from app.hubspot.write_backs import WriteBacks
from app.model import Baseline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from app.hubspot.api.sequences import Enrolled
    from app.hubspot.client import HubSpotClient
    from app.hubspot.rate_limit import Permit
    from app.model import ObservedEnrollment, Sender, WrittenContact

COUNT = "hs_sequences_enrolled_count"
LATEST = "hs_latest_sequence_enrolled"
LATEST_DATE = "hs_latest_sequence_enrolled_date"
NOT_FOUND = "OBJECT_NOT_FOUND"
BASELINE = (COUNT, LATEST, LATEST_DATE)


@dataclass(frozen=True, slots=True)
class Read:
    """One request for properties of a contact."""

    contact_id: str
    names: frozenset[str]


class BatchedHubSpot:
    """One account's contacts and enrollments. Raises NotSent, OutcomeUnknown, Refusal, or what the rate limit raises.

    Requests that wait at the same time share a call, up to 100 to a call; each still succeeds or fails alone. `now`
    returns seconds: it measures how long a write-back that HubSpot refuses is left out.
    """

    def __init__(self, client: HubSpotClient, *, now: Callable[[], float] = elapsed_seconds) -> None:
        self._client = client
        self._workflow_ids: dict[str, str] = {}  # by flow id; they do not change
        self._upsert_permit = _PermitAhead(client)
        self._read_permit = _PermitAhead(client)
        self._upserts: Batcher[Upsert, WrittenContact] = Batcher(
            WriteBacks(self._upsert_together, now=now).write,
            acquire=self._upsert_permit.fetch,
            identity=lambda item: item.email.lower(),
            limit=BATCH_LIMIT,
        )
        self._reads: Batcher[Read, Contact] = Batcher(
            self._read_together,
            acquire=self._read_permit.fetch,
            identity=lambda item: item,
            limit=BATCH_LIMIT,
        )

    async def aclose(self) -> None:
        """Take no more requests; those that wait end with NotSent or OutcomeUnknown. The client stays open."""
        await self._upserts.close()
        await self._reads.close()

    async def upsert(self, email: str, properties: Mapping[str, str]) -> str:
        """Create or update the contact with this address; return its id."""
        return (await self.write(email, properties)).id

    async def write(
        self, email: str, properties: Mapping[str, str], write_back: tuple[tuple[str, str], ...] = ()
    ) -> WrittenContact:
        """Create or update the contact with this address, without those of its write-backs that HubSpot refuses.

        `write_back` are (source, rule or decision, name of one of the properties).
        """
        return await self._upserts.ask(Upsert(email, tuple(sorted(properties.items())), write_back))

    async def find(self, email: str, names: Iterable[str] = ()) -> Contact | None:
        """Return the contact with this address and its named properties, None where there is none."""
        answer = (await self._client.send(read_contacts([email], names, by="email"))).get(email)
        if isinstance(answer, Refusal) and answer.code == NOT_FOUND:
            return None
        if isinstance(answer, HubSpotError):
            raise answer
        if answer is None:
            raise OutcomeUnknown("HubSpot's answer says nothing of the contact")
        return answer

    async def put_into_workflow(self, flow_id: str, email: str, *, before_send: Callable[[], Awaitable[None]]) -> None:
        """Put the contact with this address into a workflow.

        `before_send` is awaited once the connection is open and nothing is written: see `HubSpotClient.send`.
        """
        call = workflows.enroll_in_workflow(await self._workflow_id(flow_id), email)
        await self._client.send(call, before_send=before_send)

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact, None where it has no value."""
        wanted = frozenset(names)
        contact = await self._reads.ask(Read(contact_id, wanted))
        return {name: contact.properties.get(name) for name in wanted}

    async def baseline(self, contact_id: str) -> Baseline:
        """Return what the contact's sequence properties say now. They lag behind the enrollment itself."""
        return baseline_from(await self.read(contact_id, BASELINE))

    async def look(self, contact_id: str, names: Iterable[str]) -> tuple[Mapping[str, str | None], Baseline]:
        """Return the named properties and the baseline, read together: two requests would fill a call twice as soon."""
        wanted = frozenset(names)
        shown = await self.read(contact_id, wanted.union(BASELINE))
        return {name: shown[name] for name in wanted}, baseline_from(shown)

    async def status(self, contact_id: str) -> ObservedEnrollment | None:
        """Return the sequence that the contact is in now, None when HubSpot shows none.

        An enrollment made by another user may be invisible here, so that None proves nothing.
        """
        return await self._client.send(sequences.enrollment_status(contact_id))

    async def enroll(
        self, contact_id: str, sequence: str, sender: Sender, *, before_send: Callable[[], Awaitable[None]]
    ) -> Enrolled:
        """Send the one enroll request.

        `before_send` is awaited before a connection is taken, and again once it is open: see `HubSpotClient.send`.
        """
        call = sequences.enroll(contact_id, sequence, sender)
        return await self._client.send(call, before_connection=before_send, before_send=before_send)

    async def _workflow_id(self, flow_id: str) -> str:
        """Return the legacy id of a workflow. Raises Refusal where there is none."""
        if flow_id not in self._workflow_ids:
            try:
                self._workflow_ids[flow_id] = await self._client.send(workflows.workflow_id(flow_id))
            except OutcomeUnknown as error:
                raise NotSent(f"which workflow {flow_id} is was not learned: {error}") from error
        return self._workflow_ids[flow_id]

    async def _upsert_together(self, items: Sequence[Upsert]) -> Mapping[Upsert, Contact | HubSpotError]:
        return await self._client.send(upsert_contacts(items), permit=self._upsert_permit.take())

    async def _read_together(self, items: Sequence[Read]) -> Mapping[Read, Contact | HubSpotError]:
        """Read every contact once, with the properties of all requests."""
        keys = sorted({item.contact_id for item in items})
        names = frozenset[str]().union(*(item.names for item in items))
        found = await self._client.send(read_contacts(keys, names), permit=self._read_permit.take())
        return {item: found[item.contact_id] for item in items if item.contact_id in found}


class _PermitAhead:
    """A permit that is fetched before a batch is closed and used by the call that carries the batch."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._permit: Permit | None = None

    async def fetch(self) -> None:
        self._permit = await self._client.permit()

    def take(self) -> Permit | None:
        """Return the permit, once; further calls for the same batch (halves of it) fetch their own."""
        permit, self._permit = self._permit, None
        return permit


def baseline_from(properties: Mapping[str, str | None]) -> Baseline:
    """Read the three sequence properties; an absent value is None. Raises OutcomeUnknown for one that cannot be read.

    `hs_latest_sequence_enrolled` is a numeric id, the date RFC 3339 or milliseconds.
    """
    count, sequence, date = (properties.get(name) or None for name in BASELINE)
    read_date = instant(date)
    if (date and read_date is None) or (count and not _is_number(count)):
        raise OutcomeUnknown("the contact's sequence properties cannot be read")
    return Baseline(int(count) if count else None, sequence, read_date)


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 10  # noqa: PLR2004  # digits of a plausible count
