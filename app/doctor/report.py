"""The whole report of one account, and the findings that need no call to HubSpot. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.database.server import concern
from app.doctor import connection, daily_limit, properties, senders, sequences, write_backs
from app.doctor.findings import Finding, failed, ok, unknown, warning
from app.hubspot.api.account import AccountDetails
from app.networks import is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from app.database.server import Server
    from app.doctor.facts import Facts
    from app.doctor.requirements import Wanted

OUTDATED = (
    "update that server; for the private one, install a newer Segue, or a newer PostgreSQL of the same major on this "
    "machine, and start again"
)


def examined(
    wanted: Wanted, facts: Facts, now: datetime, *, others: Mapping[str, str] = MappingProxyType({})
) -> list[Finding]:
    """Return the findings about one account, in the order in which they should be solved.

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
        yield from senders.sender(sender, facts)
    for use in wanted.uses:
        yield from sequences.sequence(use, wanted, facts)
    yield from properties.named(wanted, facts)
    yield from write_backs.write_backs(wanted, facts)
    yield connection.legal_basis(facts)
    yield daily_limit.budget(wanted.account, facts, now)
    yield from daily_limit.timezone(wanted.account, facts)
    yield daily_limit.clock(facts)


def unasked(wanted: Wanted) -> list[Finding]:
    """Return the findings where HubSpot is not called."""
    named = ", ".join(sender.name for sender in wanted.senders) or "none"
    used = ", ".join(use.sequence for use in wanted.uses) or "none"
    findings = [
        unknown("HubSpot", "not asked (--offline): token, scopes, budget and clock"),
        unknown("senders", f"not asked (--offline): {named}"),
        unknown("sequences", f"not asked (--offline): {used}"),
        *properties.unasked(wanted),
    ]
    return [replace(finding, account=wanted.account.name) for finding in findings]


@dataclass(frozen=True, slots=True)
class Visit:
    """How the public address answered a delivery of no source: a status, or why there was none.

    `ours` says that the answer was a Segue's.
    """

    outcome: str
    ours: bool


def public_url(url: str | None, visit: Visit | None) -> Finding:
    """Judge the address that senders call. `visit` is None where the address was not called."""
    check = "public URL"
    if url is None:
        message = "SEGUE_PUBLIC_URL is not set: whether senders reach this service cannot be known from here"
        return unknown(check, message, "set it to what senders call, where a proxy stands in front")
    if visit is None:
        return unknown(check, f"{url} was not asked (--offline)")
    if visit.ours:
        return ok(check, f"{url}/webhooks is answered by a Segue")
    message = f"{url}/webhooks is not answered by a Segue: {visit.outcome}"
    # Many machines cannot reach their own public address, and the service may not run yet.
    return warning(check, message, "start the service, and look at the proxy in front of it and at DNS")


def encryption(hubspot_url: str) -> Finding:
    """Judge whether the token travels encrypted to HubSpot."""
    if is_unencrypted(hubspot_url):
        return warning("encryption", "SEGUE_HUBSPOT_BASE_URL is http: the token can be read on its way", "write https")
    return ok("encryption", "what is sent to HubSpot is encrypted, or stays on this machine")


def database(trouble: str | None, server: Server | None, today: date, *, configured: bool = False) -> Finding:
    """Judge whether the database can be reached; one that is `configured` (not the private one) should be.

    `server` is what answered, None when `trouble` says why none did.
    """
    check = "database"
    if trouble is None and server is not None:
        message = f"{server} can be asked; HubSpot is asked at the pace that all replicas share"
        problem = concern(server.version, today)
        return warning(check, f"{message}. {problem}", OUTDATED) if problem else ok(check, message)
    message = f"it cannot be asked, and HubSpot is asked slowly instead: {trouble}"
    if configured:
        return failed(
            check, message, "look at SEGUE_DATABASE_URL and at the server; segue serve and segue migrate set it up"
        )
    return unknown(check, message)
