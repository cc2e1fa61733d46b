"""The whole report of one account, and what is found without asking HubSpot. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.doctor import connection, day, people, sequences
from app.doctor.findings import Finding, ok, unknown, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.doctor.facts import Facts
    from app.doctor.wanted import Wanted

HEALTHY = 200


def examined(wanted: Wanted, facts: Facts, now: datetime) -> list[Finding]:
    """Return what was found of one account, in the order in which it is worth mending."""
    return [replace(finding, account=wanted.account.name) for finding in _examined(wanted, facts, now)]


def _examined(wanted: Wanted, facts: Facts, now: datetime) -> Iterator[Finding]:
    yield connection.reachable(facts)
    yield connection.token(wanted.account, facts)
    yield connection.scopes(wanted, facts)
    for sender in wanted.senders:
        yield from people.sender(sender, facts)
    for use in wanted.uses:
        yield sequences.sequence(use, wanted, facts)
    yield sequences.properties(wanted.properties)
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
        sequences.properties(wanted.properties),
    ]
    return [replace(finding, account=wanted.account.name) for finding in told]


def public_url(url: str | None, answered: int | str | None) -> Finding:
    """Judge the address that senders call. `answered` is a status, why there is none, or None where nobody asked."""
    check = "public URL"
    if url is None:
        told = "SEGUE_PUBLIC_URL is not set: nobody can tell from here whether senders reach this service"
        return unknown(check, told, "set it to what senders call, where a proxy stands in front")
    if answered is None:
        return unknown(check, f"{url} was not asked (--offline)")
    if answered == HEALTHY:
        return ok(check, f"{url}/healthz answers")
    told = f"{url}/healthz {'answers ' if isinstance(answered, int) else 'is not reached: '}{answered}"
    # A machine that cannot reach its own public address is nothing unusual, and a service need not run yet.
    return warning(check, told, "start the service, and look at the proxy in front of it and at DNS")


def database(trouble: str | None) -> Finding:
    """Judge whether the database can be asked."""
    check = "database"
    if trouble is None:
        return ok(check, "it can be asked; HubSpot is asked at the pace that all replicas share")
    return unknown(check, f"it cannot be asked, and HubSpot is asked slowly instead: {trouble}")
