"""Facts about an account: the owner of the token, the account's details, the use of its daily limit. Sans-I/O.

Source: HubSpot's public OpenAPI collection (Account/Account Info, 2026-03). The route that describes a private app's
token is in no published schema: its shape is from live runs, and whether it answers for service keys is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.hubspot.api.call import Call, accepted, unreadable
from app.hubspot.api.replies import count, identifier, instant, items, text, word, words

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.api.replies import Reply


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """The user and the account that a private app's token belongs to, and its scopes."""

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
    """The account's requests of this day. `resets_at` is when the next day begins, where HubSpot gives it."""

    limit: int
    used: int
    resets_at: datetime | None


def token_info(token: str) -> Call[TokenInfo]:
    """Ask which user and account a private app's token belongs to, and for its scopes."""
    return Call(
        route="/oauth/v2/private-apps/get/access-token-info",
        method="POST",
        json={"tokenKey": token},
        parse=_token,
    )


def account_details() -> Call[AccountDetails]:
    """Ask which account the token belongs to."""
    return Call("/account-info/{version}/details", "GET", _account)


def daily_usage() -> Call[Usage | None]:
    """Ask how much of the account's daily limit is used; None where HubSpot has no figure now."""
    return Call("/account-info/{version}/api-usage/daily/private-apps", "GET", _usage)


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
