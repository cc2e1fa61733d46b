"""The account itself: its id and time zone, its usage of the day, and information about a token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.sandbox.errors import not_found
from app.sandbox.request import text_of
from app.sandbox.state.accounts import READ_ONLY_TOKEN
from app.sandbox.state.contacts import stamp
from app.sandbox.state.seed import APP_ID, SCOPES

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts

INSTALLER = 7001


def details(account: Account, _: Request) -> Response:
    """Return the account's id, time zone and currency."""
    zone = account.settings.timezone
    offset = datetime.fromtimestamp(account.clock(), UTC).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    return 200, {
        "portalId": account.id,
        "accountType": "STANDARD",
        "timeZone": zone,
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def usage(account: Account, _: Request) -> Response:
    """Return how many requests the account's tokens made since its midnight, and when its next midnight is."""
    now = account.clock()
    daily = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": account.settings.daily,
        "currentUsage": account.window.today(now),
        "collectedAt": stamp(now),
        "fetchStatus": "SUCCESS",
        "resetsAt": stamp(account.window.resets_at(now)),
    }
    return 200, {"results": [daily]}


def token_info(accounts: Accounts, request: Request) -> Response:
    """Return the account of a private app's token. The answer to an unknown token is not known from live runs."""
    token = text_of(request.object(), "tokenKey")
    caller = accounts.caller(token)
    if caller.refused is not None or caller.oauth:
        raise not_found("access token")
    scopes = [scope for scope in SCOPES if scope in caller.scopes]
    app_id = APP_ID + (2 if token == READ_ONLY_TOKEN else 1)
    return 200, {"userId": INSTALLER, "hubId": caller.account.id, "appId": app_id, "scopes": scopes}
