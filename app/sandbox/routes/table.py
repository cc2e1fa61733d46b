"""Every route of HubSpot's that there is here: its name, what a token must be allowed, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app.sandbox import properties
from app.sandbox.routes import (
    accounts,
    consent,
    contacts,
    introspection,
    notes,
    oauth,
    owners,
    search,
    sequences,
    users,
    workflows,
)
from app.sandbox.routes import workflow_actions as actions
from app.sandbox.state.accounts import ENROLL_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sandbox.request import Asked
    from app.sandbox.state.account import State
    from app.sandbox.state.accounts import Portals
    from app.sandbox.state.settings import Settings

    Process = Callable[[State, Asked], tuple[int, dict[str, Any] | None]]

WRITE, READ = "crm.objects.contacts.write", "crm.objects.contacts.read"
SEE, FLOWS, OWNERS, USERS = "automation.sequences.read", "automation", "crm.objects.owners.read", "settings.users.read"
CONSENT, ACCOUNT = "communication_preferences.read_write", "oauth"
OAUTH_VERSIONS = ("2026-03", "2026-09", "v3")


@dataclass(frozen=True)
class Way:
    """One route. `scope` is empty where no token is asked for; `takes` is what its body must be."""

    name: str
    method: str
    path: str
    scope: str
    process: Process
    takes: Literal["json", "form", "nothing"] = "json"
    pace: Callable[[State, float], None] | None = None  # a limit of its own, besides the account's


def ways(settings: Settings, portals: Portals) -> list[Way]:
    """Return all routes in HubSpot's `version`; OAuth's stand in several."""
    version = settings.version
    versions = dict.fromkeys([version, *OAUTH_VERSIONS])
    tokens = [way for one in versions for way in _tokens(f"/oauth/{one}/token")]
    return [*_contacts(version), *_sequences(version), *_people(version), *_account(version, portals), *tokens]


def _contacts(version: str) -> list[Way]:
    base = f"/crm/objects/{version}/contacts"
    return [
        Way("create", "POST", base, WRITE, contacts.create),
        Way("upsert", "POST", f"{base}/batch/upsert", WRITE, contacts.upsert_batch),
        Way("read", "POST", f"{base}/batch/read", READ, contacts.read_batch),
        Way("search", "POST", f"{base}/search", READ, search.search, pace=search.pace),
        Way("contact", "GET", f"{base}/{{contactId}}", READ, contacts.read, "nothing"),
        Way("update", "PATCH", f"{base}/{{contactId}}", WRITE, contacts.update),
        Way("properties", "GET", f"/crm/properties/{version}/contacts", READ, properties.list_all, "nothing"),
        Way(
            "property", "GET", f"/crm/properties/{version}/contacts/{{propertyName}}", READ, properties.read, "nothing"
        ),
        Way("note", "POST", f"/crm/objects/{version}/notes", WRITE, notes.create),
        Way("notes", "GET", f"/crm/objects/{version}/notes", READ, notes.list_all, "nothing"),
        Way("subscribe", "POST", "/communication-preferences/v3/subscribe", CONSENT, consent.subscribe),
    ]


def _sequences(version: str) -> list[Way]:
    base = f"/automation/sequences/{version}"
    membership = "/automation/v2/workflows/{workflowId}/enrollments/contacts/{email}"
    definitions = f"/automation/actions/{version}/{{appId}}"
    mappings = "/automation/v4/workflow-id-mappings/batch/read"
    return [
        Way("sequences", "GET", base, SEE, sequences.list_all, "nothing"),
        Way("enroll", "POST", f"{base}/enrollments", ENROLL_SCOPE, _never),
        Way("status", "GET", f"{base}/enrollments/contact/{{contactId}}", SEE, sequences.status, "nothing"),
        Way("sequence", "GET", f"{base}/{{sequenceId}}", SEE, sequences.read, "nothing"),
        Way("workflow_enroll", "POST", membership, FLOWS, workflows.enroll, "nothing"),
        Way("workflow_unenroll", "DELETE", membership, FLOWS, workflows.unenroll, "nothing"),
        Way("workflow_ids", "POST", mappings, FLOWS, workflows.mappings),
        Way("actions", "GET", definitions, "", actions.list_all, "nothing"),
        Way("action_create", "POST", definitions, "", actions.create),
        Way("action_update", "PATCH", f"{definitions}/{{definitionId}}", "", actions.update),
    ]


def _people(version: str) -> list[Way]:
    owning, seats = f"/crm/owners/{version}", f"/settings/users/{version}"
    return [
        Way("owners", "GET", owning, OWNERS, owners.list_all, "nothing"),
        Way("owner", "GET", f"{owning}/{{ownerId}}", OWNERS, owners.read, "nothing"),
        Way("users", "GET", seats, USERS, users.list_all, "nothing"),
        Way("user", "GET", f"{seats}/{{userId}}", USERS, users.read, "nothing"),
    ]


def _account(version: str, portals: Portals) -> list[Way]:
    base = f"/account-info/{version}"

    def token_info(_: State, asked: Asked) -> tuple[int, dict[str, Any]]:
        return accounts.token_info(portals, asked)

    return [
        Way("account", "GET", f"{base}/details", ACCOUNT, accounts.details, "nothing"),
        Way("usage", "GET", f"{base}/api-usage/daily/private-apps", ACCOUNT, accounts.usage, "nothing"),
        Way("token_info", "POST", "/oauth/v2/private-apps/get/access-token-info", "", token_info),
    ]


def _tokens(base: str) -> list[Way]:
    return [
        Way("token", "POST", base, "", oauth.token, "form"),
        Way("introspect", "POST", f"{base}/introspect", "", introspection.introspect, "form"),
        Way("revoke", "POST", f"{base}/revoke", "", oauth.revoke, "form"),
    ]


def _never(_: State, __: Asked) -> tuple[int, dict[str, Any]]:
    raise AssertionError("enroll requests are processed with their line in the ledger")
