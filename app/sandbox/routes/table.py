"""Every route of HubSpot's that the sandbox has: its name, the scope that it needs, and its handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.sandbox.routes import accounts as account_routes
from app.sandbox.routes import (
    consent,
    contacts,
    introspection,
    notes,
    oauth,
    owners,
    properties,
    search,
    sequences,
    users,
    workflows,
)
from app.sandbox.routes import workflow_actions as actions
from app.sandbox.state.accounts import ENROLL_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts
    from app.sandbox.state.settings import Settings

    Handler = Callable[[Account, Request], Response]

WRITE, READ = "crm.objects.contacts.write", "crm.objects.contacts.read"
SEE, FLOWS, OWNERS, USERS = "automation.sequences.read", "automation", "crm.objects.owners.read", "settings.users.read"
CONSENT, ACCOUNT = "communication_preferences.read_write", "oauth"
OAUTH_VERSIONS = ("2026-03", "2026-09", "v3")


@dataclass(frozen=True)
class Route:
    """One route. `scope` is empty where it takes no token; `takes` is what its body must be."""

    name: str
    method: str
    path: str
    scope: str
    handler: Handler
    takes: Literal["json", "form", "nothing"] = "json"
    rate_limit: Callable[[Account, float], None] | None = None  # the route's own, besides the account's


def routes(settings: Settings, accounts: Accounts) -> list[Route]:
    """Return all routes in HubSpot's `version`; those of OAuth are there in several versions."""
    version = settings.version
    versions = dict.fromkeys([version, *OAUTH_VERSIONS])
    tokens = [route for each in versions for route in _tokens(f"/oauth/{each}/token")]
    return [*_contacts(version), *_sequences(version), *_users(version), *_account(version, accounts), *tokens]


def _contacts(version: str) -> list[Route]:
    base = f"/crm/objects/{version}/contacts"
    return [
        Route("create", "POST", base, WRITE, contacts.create),
        Route("upsert", "POST", f"{base}/batch/upsert", WRITE, contacts.upsert_batch),
        Route("read", "POST", f"{base}/batch/read", READ, contacts.read_batch),
        Route("search", "POST", f"{base}/search", READ, search.search, rate_limit=search.arrive),
        Route("contact", "GET", f"{base}/{{contactId}}", READ, contacts.read, "nothing"),
        Route("update", "PATCH", f"{base}/{{contactId}}", WRITE, contacts.update),
        Route("properties", "GET", f"/crm/properties/{version}/contacts", READ, properties.list_all, "nothing"),
        Route(
            "property", "GET", f"/crm/properties/{version}/contacts/{{propertyName}}", READ, properties.read, "nothing"
        ),
        Route("note", "POST", f"/crm/objects/{version}/notes", WRITE, notes.create),
        Route("notes", "GET", f"/crm/objects/{version}/notes", READ, notes.list_all, "nothing"),
        Route("subscribe", "POST", "/communication-preferences/v3/subscribe", CONSENT, consent.subscribe),
    ]


def _sequences(version: str) -> list[Route]:
    base = f"/automation/sequences/{version}"
    membership = "/automation/v2/workflows/{workflowId}/enrollments/contacts/{email}"
    definitions = f"/automation/actions/{version}/{{appId}}"
    mappings = "/automation/v4/workflow-id-mappings/batch/read"
    return [
        Route("sequences", "GET", base, SEE, sequences.list_all, "nothing"),
        Route("enroll", "POST", f"{base}/enrollments", ENROLL_SCOPE, _never),
        Route("status", "GET", f"{base}/enrollments/contact/{{contactId}}", SEE, sequences.status, "nothing"),
        Route("sequence", "GET", f"{base}/{{sequenceId}}", SEE, sequences.read, "nothing"),
        Route("workflow_enroll", "POST", membership, FLOWS, workflows.enroll, "nothing"),
        Route("workflow_unenroll", "DELETE", membership, FLOWS, workflows.unenroll, "nothing"),
        Route("workflow_ids", "POST", mappings, FLOWS, workflows.mappings),
        Route("actions", "GET", definitions, "", actions.list_all, "nothing"),
        Route("action_create", "POST", definitions, "", actions.create),
        Route("action_update", "PATCH", f"{definitions}/{{definitionId}}", "", actions.update),
    ]


def _users(version: str) -> list[Route]:
    owning, seats = f"/crm/owners/{version}", f"/settings/users/{version}"
    return [
        Route("owners", "GET", owning, OWNERS, owners.list_all, "nothing"),
        Route("owner", "GET", f"{owning}/{{ownerId}}", OWNERS, owners.read, "nothing"),
        Route("users", "GET", seats, USERS, users.list_all, "nothing"),
        Route("user", "GET", f"{seats}/{{userId}}", USERS, users.read, "nothing"),
    ]


def _account(version: str, accounts: Accounts) -> list[Route]:
    base = f"/account-info/{version}"

    def token_info(_: Account, request: Request) -> Response:
        return account_routes.token_info(accounts, request)

    return [
        Route("account", "GET", f"{base}/details", ACCOUNT, account_routes.details, "nothing"),
        Route("usage", "GET", f"{base}/api-usage/daily/private-apps", ACCOUNT, account_routes.usage, "nothing"),
        Route("token_info", "POST", "/oauth/v2/private-apps/get/access-token-info", "", token_info),
    ]


def _tokens(base: str) -> list[Route]:
    return [
        Route("token", "POST", base, "", oauth.token, "form"),
        Route("introspect", "POST", f"{base}/introspect", "", introspection.introspect, "form"),
        Route("revoke", "POST", f"{base}/revoke", "", oauth.revoke, "form"),
    ]


def _never(_: Account, __: Request) -> Response:
    raise AssertionError("enroll requests are processed with their line in the ledger")
