"""The way to HubSpot: is it reached, does it take the token, what may that do, how far do the day and the clock go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, UNAUTHORIZED, because
from app.doctor.findings import failed, ok, unknown, warning
from app.errors import NotConnected, Refusal, SegueError
from app.hubspot.details import AccountDetails, Usage
from app.hubspot.oauth import REQUIRED_SCOPES
from app.policy.outcome import BudgetSpentError
from app.policy.windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.model import Account

FEW = 0.1  # of a day's requests
SKEW_WARNING = timedelta(seconds=30)
SKEW_FAILED = timedelta(minutes=5)  # older signatures are refused, HubSpot's and ours
OWNERS_SCOPES = frozenset({"crm.objects.owners.read", "automation"})  # either one will do (OpenAPI collection)


def reachable(facts: Facts) -> Finding:
    """Judge whether HubSpot answers at all."""
    check = "HubSpot reachable"
    if any(met.status is not None for met in facts.met):
        return ok(check, "it answers")
    if facts.met:
        told = next((because(error) for error in facts.errors()), "it gave no answer")
        return failed(check, told, "look at DNS, proxy and firewall between here and SEGUE_HUBSPOT_BASE_URL")
    return unknown(check, next((because(error) for error in facts.errors()), "it was not asked"))


def token(account: Account, facts: Facts) -> Finding:
    """Judge whether HubSpot takes the token."""
    check = "token accepted"
    refused = next((one for one in facts.refusals() if one.status == UNAUTHORIZED), None)
    unconnected = next((one for one in facts.errors() if isinstance(one, NotConnected)), None)
    if unconnected is not None:
        return failed(check, str(unconnected), f"connect it: segue hubspot install {account.name}")
    if refused is not None:
        do = f"connect it anew: segue hubspot install {account.name}" if account.oauth else "put a valid token there"
        return failed(check, f"HubSpot refuses it: {refused.code}", do)
    if isinstance(facts.details, AccountDetails):
        kind = f", {facts.details.kind}" if facts.details.kind else ""
        return ok(check, f"it is the token of HubSpot account {facts.details.portal_id}{kind}")
    # Whoever is refused for want of a scope was let in.
    if any(one.code == MISSING_SCOPES for one in facts.refusals()):
        return ok(check, "HubSpot takes it")
    return unknown(check, because(facts.details))


def scopes(account: Account, facts: Facts) -> Finding:
    """Judge what the token may do, by what HubSpot says of it and by what it refused."""
    check = "scopes"
    missing = set() if isinstance(facts.scopes, SegueError) else _missing(account, frozenset(facts.scopes))
    missing |= _refused(facts)
    if missing:
        where = "app, and connect the account anew" if account.oauth else "service key or private app"
        return failed(check, f"missing: {', '.join(sorted(missing))}", f"add them to the {where}")
    if isinstance(facts.scopes, SegueError):
        readable = not isinstance(facts.details, SegueError)
        do = f"look whether it has {', '.join(_required(account))}" if readable else ""
        return unknown(check, f"what the token may do cannot be read: {because(facts.scopes)}", do)
    return ok(check, "all that enrolling needs")


def _required(account: Account) -> tuple[str, ...]:
    # Whether HubSpot names `oauth` for tokens that did not come by OAuth is not known.
    return tuple(scope for scope in REQUIRED_SCOPES if account.oauth or scope != "oauth")


def _missing(account: Account, given: frozenset[str]) -> set[str]:
    missing = {scope for scope in _required(account) if scope not in given}
    return missing - OWNERS_SCOPES if given & OWNERS_SCOPES else missing


def _refused(facts: Facts) -> set[str]:
    """Return the scopes that HubSpot missed where it was asked for something that needs one."""
    asked: list[tuple[str, object]] = [("crm.objects.owners.read", facts.owners)]
    asked += [("automation.sequences.read", one) for one in facts.seen.values()]
    return {scope for scope, read in asked if isinstance(read, Refusal) and read.code == MISSING_SCOPES}


def budget(account: Account, facts: Facts, now: datetime) -> Finding:
    """Judge what is left of the account's day."""
    check = "daily budget"
    spent = facts.spent()
    if spent is not None:
        until = f"until {_at(spent.until)}" if isinstance(spent, BudgetSpentError) else _midnight(account, facts, now)
        return failed(check, f"the day's requests are spent {until}", "wait; what is accepted meanwhile is held")
    if isinstance(facts.usage, Usage):
        return _left(facts.usage, _midnight(account, facts, now))
    if account.oauth:
        return ok(check, "an app that joins by OAuth has none")
    left = min((met.remaining_today for met in facts.met if met.remaining_today is not None), default=None)
    why = because(facts.usage) if isinstance(facts.usage, SegueError) else "HubSpot has no figure now"
    return unknown(check, f"{left} requests are left; when the day ends: {why}" if left is not None else why)


def _left(usage: Usage, until: str) -> Finding:
    left = max(0, usage.limit - usage.used)
    told = f"{left} of {usage.limit} requests are left {until}"
    if left == 0:
        return failed("daily budget", told, "wait; what is accepted meanwhile is held")
    if left < FEW * usage.limit:
        return warning("daily budget", told, "look what else uses the account's API, or set `daily` for the account")
    return ok("daily budget", told)


def _midnight(account: Account, facts: Facts, now: datetime) -> str:
    """Return when the day ends: by HubSpot's word, by its time zone, or by the one in the rules."""
    if isinstance(facts.usage, Usage) and facts.usage.resets_at is not None and facts.usage.resets_at > now:
        return f"until {_at(facts.usage.resets_at)}"
    name = (facts.details.timezone if isinstance(facts.details, AccountDetails) else None) or account.timezone
    try:
        return f"until {_at(next_midnight(zone(name or ''), now))}"
    except ValueError:
        return "until midnight in the account's time zone"


def timezone(account: Account, facts: Facts) -> Iterator[Finding]:
    """Judge the time zone that the rules say the account has: its day would end at another hour."""
    if account.timezone is None or not isinstance(facts.details, AccountDetails) or facts.details.timezone is None:
        return
    if facts.details.timezone == account.timezone:
        yield ok("time zone", account.timezone)
    else:
        told = f"the rules say {account.timezone}, HubSpot says {facts.details.timezone}"
        yield warning("time zone", told, f"write timezone: {facts.details.timezone} for the account")


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def clock(facts: Facts) -> Finding:
    """Judge our clock by HubSpot's: the least difference seen is nearest to the truth, for answers take their time."""
    check = "clock"
    ahead = min((met.ahead for met in facts.met if met.ahead is not None), key=abs, default=None)
    if ahead is None:
        return unknown(check, "HubSpot's answers have no date")
    seconds = round(abs(ahead).total_seconds())
    told = f"ours is {seconds} s {'behind' if ahead > timedelta() else 'ahead of'} HubSpot's"
    do = "set the clock of this machine by NTP: signatures count for minutes only"
    if abs(ahead) > SKEW_FAILED:
        return failed(check, told, do)
    return warning(check, told, do) if abs(ahead) > SKEW_WARNING else ok(check, told)


def legal_basis(facts: Facts) -> Finding:
    """Say what nobody can read: whether the account's data privacy settings are on."""
    hosting = facts.details.hosting if isinstance(facts.details, AccountDetails) else None
    where = f" (its data lies in {hosting})" if hosting else ""
    return unknown(
        "legal basis",
        f"whether the account's data privacy settings are on cannot be read{where}",
        "where they are on, HubSpot refuses contacts without a legal basis as UNSUBSCRIBED, who never opted out: "
        "see that whatever creates contacts records one",
    )
