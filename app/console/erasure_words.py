"""What erasing a person comes to, in words: rows by table, what stays, and how far a request is. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.console.text import ago, exactly, number, span
from app.people.inventory_store import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.people.forget_store import Forgetting
    from app.people.inventory_store import Inventory

CANCELLED, WAITING, ENDPOINTS = "cancelled", "waiting", "endpoints"
LEADING = ("events", "enrollments")  # to whose rows those of other tables belong
NO_ROWS = frozenset({CANCELLED, WAITING, ENDPOINTS})  # counts of what follows, and of no table's rows
OF_TABLES: Mapping[str, str] = MappingProxyType(
    {
        "deliveries": "raw requests, which are deleted whole",
        "refused_deliveries": "rejected requests, which are deleted whole",
        "events": "events, without the person and the payload afterwards",
        "enrichments": "answers of tools that were asked about events",
        "decisions": "decisions, without the address and the values that conditions read",
        "enrollments": "enrollments, which stay as figures",
        "journal": "lines of journals, without their details",
        "intents": "intents, which stay under a hash",
        "sticky_senders": "senders that stayed with the person",
        "suppressions": "suppressions, which stay under a hash",
        "outbound": "events for your own systems",
        CANCELLED: "enrollments that wait, which are cancelled",
        WAITING: "enrollments on their way to HubSpot, which end first",
        ENDPOINTS: "messages to your own systems that the person was forgotten",
    }
)
STAYS = (
    "A keyed hash of each address and contact stays, so that no event enrolls the person again.",
    "Enrollments stay as figures: rule, sequence, state and times, without the person.",
    "Intents and suppressions stay under the hash, so that they hold.",
    "What HubSpot, your own systems, logs and earlier backups keep is not touched.",
)


def rows_of(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return what there is how often, in words; a table of a later version is called by its name."""
    known = [name for name in OF_TABLES if counts.get(name)]
    others = sorted(name for name in counts if name not in OF_TABLES and counts[name])
    return tuple((OF_TABLES.get(name, name.replace("_", " ")), counts[name]) for name in (*known, *others))


def own_in_words(name: str, counts: Mapping[str, int], emails: int, contacts: int) -> str:
    """Return what stands under a person's own keys, in a sentence; of each table MOST + 1 rows are counted."""
    rows, tables = _summed(counts)
    if not rows:
        return f"Nothing stands under {name} or a contact of it."
    known = [exactly(emails, "address", "addresses")] if emails > 1 else []
    known += [f"{exactly(contacts, 'contact')} of HubSpot"] if contacts else []
    by = f", known by {' and '.join(known)}" if known else ""
    least = "At least " if max(counts.values()) > MOST else ""
    stand = "row stands" if rows == 1 else "rows stand"
    cut = " and ".join(table for table in LEADING if counts.get(table, 0) > MOST)
    only = f" What belongs to {cut} was counted for {MOST + 1} of them." if cut else ""
    return f"{least}{number(rows)} {stand} under {name}, in {exactly(tables, 'table')}{by}.{only}"


def inventory_in_words(one: Inventory, name: str, now: datetime) -> str:
    """Return what looking through everything came to, or how far it is."""
    if one.done_at is None:
        done = f"{number(one.tables_done)} of {exactly(one.tables, 'table')}"
        return f"Everything is being looked through: {done} {'is' if one.tables == 1 else 'are'} done."
    if one.error is not None:
        return f"Not everything could be looked through: {one.error}. Ask for it again."
    rows, tables = _summed(one.counts)
    names = "row names" if rows == 1 else "rows name"
    stored = f"{number(rows)} {names} {name}, in {exactly(tables, 'table')}" if rows else f"Nothing names {name}"
    return f"{stored}: everything was looked through {ago(one.done_at, now)}."


def rows_counted(counts: Mapping[str, int]) -> int:
    """Return how many rows of all tables were counted."""
    return _summed(counts)[0]


def _summed(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return how many rows there are, and in how many tables."""
    rows = [count for table, count in counts.items() if count and table not in NO_ROWS]
    return sum(rows), len(rows)


def progress(one: Forgetting, now: datetime) -> str:
    """Return how far a request is."""
    if one.done_at is not None:
        return f"done after {span((one.done_at - one.requested_at).total_seconds())}"
    return f"being erased, asked for {ago(one.requested_at, now)}"


def all_in_words(requests: Sequence[Forgetting], now: datetime) -> str:
    """Return the sentence about the newest requests."""
    if not requests:
        return "No person was forgotten yet."
    if going := [one for one in requests if one.done_at is None]:
        return f"{exactly(len(going), 'request is', 'requests are')} being carried out."
    return f"No request is going on; the latest was asked for {ago(requests[0].requested_at, now)} and is done."
