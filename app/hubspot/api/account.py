"""What operators want to know of an account: whose the token is, which account, how much of its day is used. Sans-I/O.

Source: HubSpot's public OpenAPI collection (Account/Account Info, 2026-03). A private app's token is asked about by a
route that no published schema has: its shape is from live runs, and whether it answers for service keys is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.hubspot.api.replies import count, identifier, instant, items, text, word, words
from app.hubspot.api.sequences import Call, accepted, unreadable

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.api.replies import Reply


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """Whose a private app's token is, and what it may do."""

    user_id: str | None
    hub_id: str | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """The account: its id, its time zone (where its day ends), its kind, and where its data lies."""

    portal_id: str
    timezone: str | None
    kind: str | None
    hosting: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """The requests of the account's day. `resets_at` is when the next one begins, where HubSpot says so."""

    limit: int
    used: int
    resets_at: datetime | None


def token_info(token: str) -> Call[TokenInfo]:
    """Ask whose a private app's token is, and for its scopes."""
    return Call(
        route="/oauth/v2/private-apps/get/access-token-info",
        method="POST",
        path="/oauth/v2/private-apps/get/access-token-info",
        json={"tokenKey": token},
        decipher=_token,
    )


def account_details(version: str) -> Call[AccountDetails]:
    """Ask which account the token belongs to."""
    route = "/account-info/{version}/details"
    return Call(route, "GET", f"/account-info/{quote(version, safe='')}/details", _account)


def daily_usage(version: str) -> Call[Usage | None]:
    """Ask how much of the account's day is used; None where HubSpot has no figure now."""
    route = "/account-info/{version}/api-usage/daily/private-apps"
    return Call(route, "GET", route.replace("{version}", quote(version, safe="")), _usage)


def _token(reply: Reply) -> TokenInfo:
    body = accepted(reply)
    scopes = words(body.get("scopes"))
    if scopes is None:
        raise unreadable(reply)
    return TokenInfo(identifier(body.get("userId")), identifier(body.get("hubId")), scopes)


def _account(reply: Reply) -> AccountDetails:
    body = accepted(reply)
    portal = identifier(body.get("portalId"))
    if portal is None:
        raise unreadable(reply)
    kind, hosting = word(body.get("accountType")), word(body.get("dataHostingLocation"))
    return AccountDetails(portal, text(body.get("timeZone")), kind, hosting)


def _usage(reply: Reply) -> Usage | None:
    for item in items(accepted(reply).get("results")):
        limit, used = count(item.get("usageLimit")), count(item.get("currentUsage"))
        if limit is not None and used is not None and item.get("fetchStatus") in {"SUCCESS", "CACHED"}:
            return Usage(limit, used, instant(item.get("resetsAt")))
    return None
