"""A person's consent at HubSpot: our app, the scopes that it requests, and the authorization URL. Sans-I/O.

Source: HubSpot's guide to OAuth.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from app.hubspot.api.call import DEFAULT_VERSION

# The scopes that enrolling needs. `oauth` is mandatory for every app.
REQUIRED_SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
    "automation.sequences.read",
    "automation.sequences.enrollments.write",
)


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our app at HubSpot, the dated version of its token routes, and the optional scopes that it requests.

    `optional_scopes` are separated by spaces. HubSpot leaves out those that an account does not have. It is not
    documented whether HubSpot refuses scopes that the app does not declare, but integrators report it: the default
    requests none.
    """

    client_id: str
    client_secret: str = field(repr=False)
    version: str = DEFAULT_VERSION
    optional_scopes: str = ""


def authorize_url(app_url: str, app: OAuthApp, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the URL at which a person connects an account; HubSpot redirects to `redirect_uri` afterwards.

    `verifier` stays here: only its SHA-256 is sent, so that an intercepted code is useless. Where HubSpot does not
    require PKCE of the app, it ignores these two parameters.
    """
    query = {
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(REQUIRED_SCOPES),
        **({"optional_scope": " ".join(wished)} if (wished := app.optional_scopes.split()) else {}),
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{app_url.rstrip('/')}/oauth/authorize?{urlencode(query, quote_via=quote)}"


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def missing_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes that enrolling needs and a grant lacks."""
    return tuple(scope for scope in REQUIRED_SCOPES if scope not in scopes)
