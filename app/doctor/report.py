"""The whole report of one account, and what is found without asking HubSpot. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.doctor import connection, properties, sequences
from app.doctor import daily_limit as day
from app.doctor import senders as people
from app.doctor.findings import Finding, failed, ok, unknown, warning
from app.hubspot.api.account import AccountDetails

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from app.doctor.facts import Facts
    from app.doctor.requirements import Wanted


def examined(
    wanted: Wanted, facts: Facts, now: datetime, *, others: Mapping[str, str] = MappingProxyType({})
) -> list[Finding]:
    """Return what was found of one account, in the order in which it is worth mending.

    `others` are the names of accounts that were examined before, by HubSpot's ids of them.
    """
    return [replace(finding, account=wanted.account.name) for finding in _examined(wanted, facts, now, others)]


def portal_of(facts: Facts) -> str | None:
    """Return HubSpot's id of the account, None where it was not read."""
    return facts.details.portal_id if isinstance(facts.details, AccountDetails) else None


def _examined(wanted: Wanted, facts: Facts, now: datetime, others: Mapping[str, str]) -> Iterator[Finding]:
    yield connection.reachable(facts)
    yield connection.token(wanted.account, facts, others)
    yield connection.scopes(wanted, facts)
    for sender in wanted.senders:
        yield from people.sender(sender, facts)
    for use in wanted.uses:
        yield sequences.sequence(use, wanted, facts)
    yield properties.named(wanted, facts)
    yield from properties.write_backs(wanted, facts)
    yield connection.legal_basis(facts)
    yield day.budget(wanted.account, facts, now)
    yield from day.timezone(wanted.account, facts)
    yield day.clock(facts)


def unasked(wanted: Wanted) -> list[Finding]:
    """Return what is left to find where HubSpot is not asked."""
    senders = ", ".join(sender.name for sender in wanted.senders) or "none"
    used = ", ".join(use.sequence for use in wanted.uses) or "none"
    told = [
        unknown("HubSpot", "not asked (--offline): token, scopes, budget and clock"),
        unknown("senders", f"not asked (--offline): {senders}"),
        unknown("sequences", f"not asked (--offline): {used}"),
        *properties.unasked(wanted),
    ]
    return [replace(finding, account=wanted.account.name) for finding in told]


@dataclass(frozen=True, slots=True)
class Visit:
    """How a delivery of nobody's was answered at the public address: a status, or why there was none.

    `ours` tells that it was answered as a Segue does.
    """

    told: str
    ours: bool


def public_url(url: str | None, visit: Visit | None) -> Finding:
    """Judge the address that senders call. `visit` is None where nobody asked."""
    check = "public URL"
    if url is None:
        told = "SEGUE_PUBLIC_URL is not set: nobody can tell from here whether senders reach this service"
        return unknown(check, told, "set it to what senders call, where a proxy stands in front")
    if visit is None:
        return unknown(check, f"{url} was not asked (--offline)")
    if visit.ours:
        return ok(check, f"{url}/webhooks is answered by a Segue")
    told = f"{url}/webhooks is not answered by a Segue: {visit.told}"
    # A machine that cannot reach its own public address is nothing unusual, and a service need not run yet.
    return warning(check, told, "start the service, and look at the proxy in front of it and at DNS")


def database(trouble: str | None, *, configured: bool = False) -> Finding:
    """Judge whether the database can be asked; one that is `configured` (and no private one) should be there."""
    check = "database"
    if trouble is None:
        return ok(check, "it can be asked; HubSpot is asked at the pace that all replicas share")
    told = f"it cannot be asked, and HubSpot is asked slowly instead: {trouble}"
    if configured:
        return failed(
            check, told, "look at SEGUE_DATABASE_URL and at the server; segue serve and segue migrate set it up"
        )
    return unknown(check, told)
