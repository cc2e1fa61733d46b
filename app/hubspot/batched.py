"""What enrolling asks of HubSpot, one contact at a time; behind it, contacts asked for together share calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.batching import Batcher
from app.clock import elapsed_seconds
from app.errors import HubSpotError, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api.contacts import BATCH_LIMIT, Contact, Upsert
from app.hubspot.api.replies import instant
from app.hubspot.api.workflows import Workflows
from app.hubspot.write_backs import WriteBacks
from app.model import Baseline, ObservedEnrollment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from app.hubspot.api.sequences import Enrolled
    from app.hubspot.client import HubSpotClient
    from app.hubspot.rate_limit import Permit
    from app.model import Sender, WrittenContact

COUNT = "hs_sequences_enrolled_count"
LATEST = "hs_latest_sequence_enrolled"
LATEST_DATE = "hs_latest_sequence_enrolled_date"
NOT_FOUND = "OBJECT_NOT_FOUND"
BASELINE = (COUNT, LATEST, LATEST_DATE)


@dataclass(frozen=True, slots=True)
class Read:
    """One ask for properties of a contact."""

    contact_id: str
    names: frozenset[str]


class BatchedHubSpot:
    """One account's contacts and enrollments. Raises NotSent, OutcomeUnknown, Refusal, or what the rate limit raises.

    Asks that wait at the same time travel together, up to 100 to a call; each still succeeds or fails alone. `now`
    returns seconds: for how long a write-back that HubSpot refuses is left out is measured by it.
    """

    def __init__(self, client: HubSpotClient, *, now: Callable[[], float] = elapsed_seconds) -> None:
        self._client = client
        self._workflows = Workflows(client)
        self._write_backs = WriteBacks(self._upsert_together, now=now)
        self._upsert_grant = _GrantAhead(client)
        self._read_grant = _GrantAhead(client)
        self._upserts: Batcher[Upsert, WrittenContact] = Batcher(
            self._write_backs.write,
            acquire=self._upsert_grant.fetch,
            identity=lambda item: item.email.lower(),
            limit=BATCH_LIMIT,
        )
        self._reads: Batcher[Read, Contact] = Batcher(
            self._read_together,
            acquire=self._read_grant.fetch,
            identity=lambda item: item,
            limit=BATCH_LIMIT,
        )

    async def __aenter__(self) -> Self:
        """Open for asks."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Take no more asks; whoever still waits gets NotSent or OutcomeUnknown. The client stays open."""
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

    async def find(self, email: str) -> str | None:
        """Return the id of the contact with this address, None where there is none."""
        answer = (await self._client.read_contacts([email], (), by="email")).get(email)
        if isinstance(answer, Refusal) and answer.code == NOT_FOUND:
            return None
        if isinstance(answer, HubSpotError):
            raise answer
        if answer is None:
            raise OutcomeUnknown("HubSpot's answer says nothing of the contact")
        return answer.id

    async def put_into_workflow(self, flow_id: str, email: str, *, before_send: Callable[[], Awaitable[None]]) -> None:
        """Put the contact with this address into a workflow: see `HubSpotClient.enroll_in_workflow`."""
        try:
            older = await self._workflows.older_id(flow_id)
        except OutcomeUnknown as error:
            raise NotSent(f"which workflow {flow_id} is was not learned: {error}") from error
        await self._client.enroll_in_workflow(older, email, before_send=before_send)

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact, None where it has no value."""
        wanted = frozenset(names)
        contact = await self._reads.ask(Read(contact_id, wanted))
        return {name: contact.properties.get(name) for name in wanted}

    async def baseline(self, contact_id: str) -> Baseline:
        """Return what the contact's sequence properties say now. They lag behind the enrollment itself."""
        return baseline_from(await self.read(contact_id, BASELINE))

    async def look(self, contact_id: str, names: Iterable[str]) -> tuple[Mapping[str, str | None], Baseline]:
        """Return the named properties and the baseline, read together: two asks would fill a call twice as soon."""
        wanted = frozenset(names)
        shown = await self.read(contact_id, wanted.union(BASELINE))
        return {name: shown[name] for name in wanted}, baseline_from(shown)

    async def status(self, contact_id: str) -> ObservedEnrollment | None:
        """Return the sequence that the contact is in now, None when HubSpot shows none.

        An enrollment made by another user may be invisible here, so that None proves nothing.
        """
        status = await self._client.enrollment_status(contact_id)
        return ObservedEnrollment(status.sequence, status.enrolled_at) if status else None

    async def enroll(
        self, contact_id: str, sequence: str, sender: Sender, *, before_send: Callable[[], Awaitable[None]]
    ) -> Enrolled:
        """Send the one enroll request: see `HubSpotClient.enroll`."""
        return await self._client.enroll(contact_id, sequence, sender, before_send=before_send)

    async def _upsert_together(self, items: Sequence[Upsert]) -> Mapping[Upsert, Contact | HubSpotError]:
        return await self._client.upsert_contacts(items, grant=self._upsert_grant.take())

    async def _read_together(self, items: Sequence[Read]) -> Mapping[Read, Contact | HubSpotError]:
        """Read every contact once, with all the properties that anyone asked for."""
        keys = sorted({item.contact_id for item in items})
        names = frozenset[str]().union(*(item.names for item in items))
        found = await self._client.read_contacts(keys, names, grant=self._read_grant.take())
        return {item: found[item.contact_id] for item in items if item.contact_id in found}


class _GrantAhead:
    """A grant that is fetched before a batch is closed and used by the call that carries the batch."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._grant: Permit | None = None

    async def fetch(self) -> None:
        self._grant = await self._client.grant()

    def take(self) -> Permit | None:
        """Return the grant, once; further calls for the same batch (halves of it) fetch their own."""
        grant, self._grant = self._grant, None
        return grant


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
    return value.isascii() and value.isdigit() and len(value) < 10  # noqa: PLR2004  # digits of a believable count
