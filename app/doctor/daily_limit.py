"""The daily limit and the clocks: requests left until when, in which time zone, and our clock against HubSpot's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import in_words
from app.doctor.facts import because
from app.doctor.findings import failed, ok, unknown, warning
from app.errors import BudgetSpent, SegueError
from app.hubspot.api.account import AccountDetails, Usage
from app.sending_windows import next_midnight, zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.model import Account

FEW = 0.1  # of a day's requests
SKEW_WARNING = timedelta(seconds=30)
SKEW_FAILED = timedelta(minutes=5)  # older signatures are refused, HubSpot's and ours


def budget(account: Account, facts: Facts, now: datetime) -> Finding:
    """Judge what is left of the account's daily limit."""
    check = "daily budget"
    spent = facts.spent()
    if spent is not None:
        until = f"until {_at(spent.until)}" if isinstance(spent, BudgetSpent) else _midnight(account, facts, now)
        return failed(check, f"the day's requests are spent {until}", "wait; what is accepted meanwhile is held")
    if account.oauth:
        # HubSpot's figure counts the account's private apps only.
        return ok(check, "an app that joins by OAuth has none")
    if isinstance(facts.usage, Usage):
        return _left(facts.usage, _midnight(account, facts, now))
    left = min((met.remaining_today for met in facts.met if met.remaining_today is not None), default=None)
    why = because(facts.usage) if isinstance(facts.usage, SegueError) else "HubSpot has no figure now"
    return unknown(check, f"{left} requests are left; when the day ends: {why}" if left is not None else why)


def _left(usage: Usage, until: str) -> Finding:
    left = max(0, usage.limit - usage.used)
    message = f"{left} of {usage.limit} requests are left {until}"
    if left == 0:
        return failed("daily budget", message, "wait; what is accepted meanwhile is held")
    if left < FEW * usage.limit:
        return warning("daily budget", message, "look what else uses the account's API, or set `daily` for the account")
    return ok("daily budget", message)


def _midnight(account: Account, facts: Facts, now: datetime) -> str:
    """Return when the day ends: as HubSpot says, else by its time zone, else by the one in the rules."""
    if isinstance(facts.usage, Usage) and facts.usage.resets_at is not None and facts.usage.resets_at > now:
        return f"until {_at(facts.usage.resets_at)}"
    name = (facts.details.timezone if isinstance(facts.details, AccountDetails) else None) or account.timezone
    try:
        return f"until {_at(next_midnight(zone(name or ''), now))}"
    except ValueError:
        return "until midnight in the account's time zone"


def timezone(account: Account, facts: Facts) -> Iterator[Finding]:
    """Judge the account's time zone in the rules: with a wrong one its day would end at another hour."""
    if account.timezone is None or not isinstance(facts.details, AccountDetails) or facts.details.timezone is None:
        return
    if facts.details.timezone == account.timezone:
        yield ok("time zone", account.timezone)
    else:
        message = f"the rules say {account.timezone}, HubSpot says {facts.details.timezone}"
        yield warning("time zone", message, f"write timezone: {facts.details.timezone} for the account")


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def clock(facts: Facts) -> Finding:
    """Judge our clock by HubSpot's. Answers take time, so the smallest difference is the most accurate."""
    check = "clock"
    ahead = min((met.ahead for met in facts.met if met.ahead is not None), key=abs, default=None)
    if ahead is None:
        return unknown(check, "HubSpot's answers have no date")
    message = f"ours is {in_words(abs(ahead))} {'behind' if ahead > timedelta() else 'ahead of'} HubSpot's"
    do = "set the clock of this machine by NTP: signatures count for minutes only"
    if abs(ahead) > SKEW_FAILED:
        return failed(check, message, do)
    return warning(check, message, do) if abs(ahead) > SKEW_WARNING else ok(check, message)
