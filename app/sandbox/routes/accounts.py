"""The account itself: its id and time zone, how much of its day is used, and what a token is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from app.sandbox.errors import not_found
from app.sandbox.request import Asked, text_of
from app.sandbox.state.accounts import READ_ONLY_TOKEN
from app.sandbox.state.contacts import stamp
from app.sandbox.state.seed import APP_ID, SCOPES

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals

Answer = tuple[int, dict[str, Any]]
INSTALLER = 7001


def details(state: State, _: Asked) -> Answer:
    """Tell which account this is."""
    zone = state.settings.timezone
    offset = datetime.fromtimestamp(state.clock(), UTC).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    return 200, {
        "portalId": state.portal_id,
        "accountType": "STANDARD",
        "timeZone": zone,
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def usage(state: State, _: Asked) -> Answer:
    """Tell how many requests the account's tokens made since its midnight, and when the next one is."""
    now = state.clock()
    told = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": state.settings.daily,
        "currentUsage": state.window.today(now),
        "collectedAt": stamp(now),
        "fetchStatus": "SUCCESS",
        "resetsAt": stamp(state.window.resets_at(now)),
    }
    return 200, {"results": [told]}


def token_info(portals: Portals, asked: Asked) -> Answer:
    """Tell whose a private app's token is. The answer to an unknown token is not known from live runs."""
    token = text_of(asked.object(), "tokenKey")
    caller = portals.caller(token)
    if caller.refused is not None or caller.oauth:
        raise not_found("access token")
    scopes = [scope for scope in SCOPES if scope in caller.scopes]
    app_id = APP_ID + (2 if token == READ_ONLY_TOKEN else 1)
    return 200, {"userId": INSTALLER, "hubId": caller.state.portal_id, "appId": app_id, "scopes": scopes}
