"""`/api/v1/accounts`: the credential of each HubSpot account, and the link that connects one by OAuth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.accounts.credentials import credentials
from app.accounts.identity_store import IdentityStore
from app.hubspot.budget_store import read_budget
from app.reports.held_store import held_by_reason
from app.web.access.routes import FOR_ADMINS
from app.web.api.common import Identity, resource
from app.web.pages.connect import NOT_CONFIGURED
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

Hours = Annotated[float | None, Query(gt=0, le=720, description="For how many hours it works")]
NOT_BY_OAUTH: dict[int | str, dict[str, Any]] = {409: {"description": "OAuth is not configured"}}
ACCOUNT: dict[str, Any] = {
    "account": "emea",
    "state": "revoked",
    "detail": "HubSpot says invalid_grant: the app was uninstalled, or the account is gone",
    "hub_id": "4567",
    "scopes": ["oauth", "crm.objects.contacts.read"],
    "updated_at": "2026-11-23T09:00:00Z",
}

WINDOW: dict[str, Any] = {
    "kind": "general",
    "used": 31,
    "allowed": 180,
    "maximum": 190,
    "window_ms": 10_000,
    "blocked_until": None,
    "blocked_by": None,
}
DAY: dict[str, Any] = {"used": 41_212, "cap": 625_000, "ends_at": "2026-11-23T23:00:00Z"}
HELD: dict[str, Any] = {"reason": "account_not_connected", "count": 31}
DETAIL: dict[str, Any] = ACCOUNT | {
    "portal_id": "4567",
    "timezone": "Europe/Berlin",
    "windows": [WINDOW],
    "day": DAY,
    "held": [HELD],
}


class InstallLink(
    BaseModel,
    json_schema_extra={"example": {"url": "https://segue.example/oauth/install?ticket=...", "expires_in": 86400}},
):
    """A link that connects an account: for one browser, once, within `expires_in` seconds."""

    url: str
    expires_in: int


class AccountRow(BaseModel, json_schema_extra={"example": ACCOUNT}):
    """One account. `state` is `token`, or for one that joins by OAuth `active`, `revoked` or `not_connected`."""

    account: str
    state: str
    detail: str | None = None
    hub_id: str | None = None
    scopes: list[str] = []
    updated_at: datetime | None = None


class AccountList(BaseModel, json_schema_extra={"example": {"items": [ACCOUNT]}}):
    """All accounts in the rules, and those that are still connected."""

    items: list[AccountRow]


class WindowRow(BaseModel):
    """One window of requests: `used` of `allowed` in the running `window_ms`; HubSpot itself allows `maximum`.

    Until `blocked_until` HubSpot has asked for a pause, by the code `blocked_by`.
    """

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": WINDOW})

    kind: str
    used: int
    allowed: int
    maximum: int
    window_ms: int
    blocked_until: datetime | None
    blocked_by: str | None


class DayRow(BaseModel):
    """The day of an account with a cap: `ends_at` is null where nothing was used in it yet."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": DAY})

    used: int
    cap: int
    ends_at: datetime | None


class HeldRow(BaseModel, json_schema_extra={"example": HELD}):
    """How many are held for a reason; 10,000 of an account are counted at most."""

    reason: str | None
    count: int


class AccountDetail(AccountRow, json_schema_extra={"example": DETAIL}):
    """One account: its credential, what HubSpot says that it is, its budgets now, and who is held.

    `day` is null where the rules set no cap on it.
    """

    portal_id: str | None
    timezone: str | None
    windows: list[WindowRow]
    day: DayRow | None
    held: list[HeldRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, oauth, accounts = resource(), process.oauth, partial(_in_rules, process)

    @router.get("/accounts", response_model=AccountList)
    async def listed() -> dict[str, Any]:
        """List the HubSpot accounts, by name."""
        return {"items": list((await known()).values())}

    async def known() -> dict[str, Mapping[str, Any]]:
        return credentials(accounts(), await oauth.grants.listed() if oauth else ())

    @router.get("/accounts/{account}", response_model=AccountDetail)
    async def one(account: Identity) -> dict[str, Any]:
        """Show one account of the rules in force: its credential, its budgets as they are now, and who is held."""
        found = process.rulebook.current and process.rulebook.current.account_named(account)
        if not found:
            raise Problem(404, "not-found", "No account of the rules in force is called so.")
        identity = await IdentityStore(process.engine).identity(account)
        budget = await read_budget(process.engine, found, headroom=process.settings.rate_headroom)
        held = await held_by_reason(process.engine, account)
        of = {"windows": budget.windows, "day": budget.day, "held": held}
        return {**(await known())[account], **identity, **of}

    @router.post(
        "/accounts/{account}/install", response_model=InstallLink, responses=NOT_BY_OAUTH, openapi_extra=FOR_ADMINS
    )
    async def install(account: Identity, hours: Hours = None) -> dict[str, Any]:
        """Return a link that connects an account to HubSpot: it works once, for `hours` or the hours of the settings.

        It opens a page with a button, so that programs that preview links do not use it up.
        """
        if oauth is None:
            raise Problem(409, "oauth-not-configured", NOT_CONFIGURED)
        if not accounts().get(account):
            raise Problem(404, "not-found", f"No account {account!r} joins by OAuth in the rules in force.")
        seconds = (hours or process.settings.install_hours) * 3600
        return {"url": await oauth.connector.link(account, seconds=seconds), "expires_in": int(seconds)}

    return router


def _in_rules(process: Process) -> Mapping[str, bool]:
    """Return the accounts in force, each with whether it joins by OAuth."""
    book = process.rulebook.current
    return {account.name: account.oauth for account in book.accounts.values()} if book else {}
