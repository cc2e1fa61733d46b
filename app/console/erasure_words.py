"""What erasing a person comes to, in words: rows by table, what stays, and how far a request is. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.console.text import ago, counted, number, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.people.forget_store import Forgetting

CANCELLED, WAITING, ENDPOINTS = "cancelled", "waiting", "endpoints"
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


def stored_in_words(name: str, counts: Mapping[str, int], emails: int, contacts: int) -> str:
    """Return what is stored of a person, in a sentence."""
    rows = sum(count for table, count in counts.items() if table not in NO_ROWS)
    if not rows:
        return f"Nothing is stored that names {name}."
    tables = len([table for table, count in counts.items() if count and table not in NO_ROWS])
    more = f", known by {counted(emails, 'address', 'addresses')}" if emails > 1 else ""
    there = f" and {counted(contacts, 'contact')} of HubSpot" if contacts else ""
    names = "row names" if rows == 1 else "rows name"
    return f"{number(rows)} {names} {name}, in {counted(tables, 'table')}{more}{there}."


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
        return f"{counted(len(going), 'request is', 'requests are')} being carried out."
    return f"No request is going on; the latest was asked for {ago(requests[0].requested_at, now)} and is done."
