"""EXAMINE: one account, for the command and for the job alike: read the facts, judge them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.clock import utc_now
from app.doctor.fetch import CallLog, read_facts
from app.doctor.lookups import waiting_lookups
from app.doctor.report import examined, portal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from app.doctor.findings import Finding
    from app.doctor.requirements import Wanted
    from app.enrichment.store import WaitingLookups
    from app.hubspot.client import HubSpotClient


async def examine(
    client: HubSpotClient,
    one: Wanted,
    call_log: CallLog,
    granted: Callable[[], Coroutine[Any, Any, tuple[str, ...]]] | None,
    others: dict[str, str],
) -> list[Finding]:
    """Return the findings about one account, and add its name to `others`, by HubSpot's id of it.

    `granted` returns the scopes of its grant, where it joins by OAuth.
    """
    facts = await read_facts(client, one, call_log, granted)
    found = examined(one, facts, utc_now(), others=others)
    if (portal := portal_of(facts)) is not None:
        others.setdefault(portal, one.account.name)
    return found


def surroundings(
    database: Finding, public_url: Finding, encryption: Finding, lookups: Sequence[WaitingLookups]
) -> list[Finding]:
    """Return the findings that concern all of Segue, in the order in which they should be solved."""
    return [database, public_url, encryption, *waiting_lookups(lookups)]
