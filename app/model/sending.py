"""The senders of sequences, the pools that they form, and the windows in which enrollments may start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

# Whose clock a window follows.
OF_SENDER, OF_CONTACT = "sender", "contact"


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender of sequences: `user_id` is HubSpot's user id (never the owner id), `email` the connected inbox.

    `daily` caps its enrollments in any 24 hours (None: HubSpot's own limit). `timezone` is an IANA name. `alias` is the
    address of this inbox that contacts see as the sender (None: `email`).
    """

    name: str
    user_id: str
    email: str
    daily: int | None = None
    timezone: str | None = None
    alias: str | None = None


class Pick(StrEnum):
    """How a pool distributes enrollments among its senders."""

    ROUND_ROBIN = "round-robin"  # one sender after the other
    WEIGHTED = "weighted"  # by weight; the same person always gets the same sender
    MOST_LEFT = "most-left"  # the sender with the most enrollments left in 24 hours


class Sticky(StrEnum):
    """Which later enrollments keep the sender of the first one."""

    NONE = "none"
    CONTACT = "contact"
    COMPANY = "company"  # all contacts with an address at the same domain, except domains of free mail


class OnSenderFull(StrEnum):
    """What happens when the sender's limit of 24 hours is used up."""

    DEFER = "defer"  # wait until the sender has capacity
    NEXT_SENDER = "next-sender"  # take another sender of the pool, or the fallback
    FAIL = "fail"  # refuse


@dataclass(frozen=True, slots=True)
class Pool:
    """Several senders that share enrollments. `members` are their names and weights, in the order of the rules file."""

    name: str
    pick: Pick
    members: tuple[tuple[str, int], ...]
    sticky: Sticky = Sticky.CONTACT


@dataclass(frozen=True, slots=True)
class Window:
    """Open on `days` (ISO weekdays, Monday is 1) from `opens` until `closes`, not on `holidays`.

    Times are wall clock; `closes` at 00:00 is the end of the day. `calendars` are the codes of countries and their
    parts whose public holidays it keeps, too.
    """

    days: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date] = frozenset()
    calendars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """A window and the clock that it follows: `zone` is `sender`, `contact`, or an IANA name.

    `otherwise` is the zone of senders or contacts that have none; `contact_property` is the property in which HubSpot
    keeps a contact's zone. Enrollments that waited for an opening start within `spread` of its beginning.
    """

    window: Window
    zone: str = OF_SENDER
    otherwise: str | None = None
    contact_property: str = "hs_timezone"
    spread: timedelta = timedelta(minutes=30)
