"""What operators want to know of an account: a sequence's steps, seats, scopes, the account, its day. Sans-I/O.

Sources: HubSpot's public OpenAPI collection (Automation/Sequences, Settings/User Provisioning, Account/Account Info,
all 2026-03). A private app's token is asked about by a route that no published schema has: its shape is from live runs,
and whether it answers for service keys is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.hubspot.protocol import PAGE_LIMIT, Call, Sequence, accepted, next_page, sequence_from, unreadable
from app.hubspot.replies import identifier, instant, items, mapping, text, word, words

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.replies import Reply

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class SendSettings:
    """When a sequence's mail may go out: minutes since midnight, and HubSpot's word for the days."""

    opens_minute: int | None
    closes_minute: int | None
    days: str | None


@dataclass(frozen=True, slots=True)
class SequenceDetails:
    """A sequence with its steps, each by HubSpot's word (EMAIL, TASK, ...), in their order."""

    sequence: Sequence
    steps: tuple[str, ...]
    settings: SendSettings


@dataclass(frozen=True, slots=True)
class User:
    """A user with its seats; `seats` is None where HubSpot does not name them."""

    id: str
    email: str | None
    seats: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page of users; `after` asks for the next, None at the end."""

    users: tuple[User, ...]
    after: str | None


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


def sequence_details(version: str, user_id: str, sequence: str) -> Call[SequenceDetails]:
    """Read one sequence with its steps and its settings, as this user sees it."""
    return Call(
        route="/automation/sequences/{version}/{sequenceId}",
        method="GET",
        path=f"/automation/sequences/{quote(version, safe='')}/{quote(sequence, safe='')}",
        query=(("userId", user_id),),
        decipher=_details,
    )


def list_users(version: str, after: str | None = None) -> Call[UserPage]:
    """List the users, a page at a time. It needs a scope that enrolling does not: a refusal is nothing bad."""
    return Call(
        route="/settings/users/{version}",
        method="GET",
        path=f"/settings/users/{quote(version, safe='')}",
        query=(("limit", str(PAGE_LIMIT)), *((("after", after),) if after else ())),
        decipher=_users,
    )


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


def _details(reply: Reply) -> SequenceDetails:
    body = accepted(reply)
    steps = sorted(items(body.get("steps")), key=lambda step: _count(step.get("stepOrder")) or 0)
    settings = mapping(body.get("settings"))
    opens, closes = (_minute(settings.get(f"sendWindow{end}Minute")) for end in ("Start", "End"))
    kinds = tuple(word(step.get("actionType")) or "UNKNOWN" for step in steps)
    shown = SendSettings(opens, closes, word(settings.get("eligibleFollowUpDays")))
    return SequenceDetails(sequence_from(body, reply), kinds, shown)


def _users(reply: Reply) -> UserPage:
    body = accepted(reply)
    listed = ((identifier(item.get("id")), item) for item in items(body.get("results")))
    users = tuple(User(user, text(item.get("email")), words(item.get("seatNames"))) for user, item in listed if user)
    return UserPage(users, next_page(body))


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
        limit, used = _count(item.get("usageLimit")), _count(item.get("currentUsage"))
        if limit is not None and used is not None and item.get("fetchStatus") in {"SUCCESS", "CACHED"}:
            return Usage(limit, used, instant(item.get("resetsAt")))
    return None


def _minute(value: Any) -> int | None:
    minute = _count(value)
    return minute if minute is not None and minute <= MINUTES_OF_A_DAY else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
