"""HubSpot accounts: credentials, caps, the contact properties that rules may write, and the way out of sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

# HubSpot keeps these read-only, or Segue sets them by a key of their own (address, owner).
KEPT_PROPERTIES = frozenset({"email", "hubspot_owner_id", "createdate", "lastmodifieddate"})
# HubSpot writes what it knows of enrollments and replies into properties with these prefixes; only HubSpot may.
KEPT_PREFIXES = ("hs_object_", "hs_sequences_", "hs_latest_sequence_", "hs_sales_email_last_")


def is_hubspots(name: str) -> bool:
    """Tell whether a contact property is HubSpot's own."""
    return name.startswith("hs_") or name in KEPT_PROPERTIES


def is_kept(name: str) -> bool:
    """Tell whether a contact property is one that no rule may ever write."""
    return name.startswith(KEPT_PREFIXES) or name in KEPT_PROPERTIES


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many `enrollments` of one person in any `period`."""

    enrollments: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class UnenrollWorkflow:
    """A workflow that takes contacts out of sequences: HubSpot has no API request for this.

    The workflow starts when `contact_property` gets `value`, or (`workflow`, a flow id) when the contact is put into
    it. Its effect is not read before `takes` has passed; after `within` it counts as failed.
    """

    contact_property: str | None = None
    value: str = "true"
    workflow: str | None = None
    takes: timedelta = timedelta(minutes=2)
    within: timedelta = timedelta(minutes=15)

    @property
    def longest(self) -> timedelta:
        """For how long after its start the workflow may still take a contact out."""
        return max(self.takes, self.within)


@dataclass(frozen=True, slots=True)
class Account:
    """One HubSpot account. `per_10s` caps requests per 10 s below what HubSpot reports (None: HubSpot's limit).

    `contact_timezone` is the contact property that holds a contact's time zone. `per_person` caps how often one person
    is enrolled. `write_back` are (source, rule or decision, property): where a contact says why it was enrolled.
    `writable` are the properties that rules may write (None: all but HubSpot's own).
    `daily` caps the requests of a day, which ends at midnight in `timezone` (None: unknown).
    An account that joins by OAuth (`oauth`) has no token here: the store holds its grant. `unenroll` is its way out of
    sequences.
    """

    name: str
    token: str = field(repr=False)
    per_10s: int | None = None
    contact_timezone: str = "hs_timezone"
    per_person: Cap | None = None
    write_back: tuple[tuple[str, str], ...] = ()
    writable: frozenset[str] | None = None
    oauth: bool = False
    daily: int | None = None
    timezone: str | None = None
    unenroll: UnenrollWorkflow | None = None

    def may_write(self, name: str) -> bool:
        """Tell whether rules may write this contact property."""
        if self.writable is not None:
            return name in self.writable
        return not is_hubspots(name)
