"""What an identity provider says of itself (OpenID Connect Discovery 1.0). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import ProviderFailed
from app.networks import is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Mapping

WELL_KNOWN = "/.well-known/openid-configuration"
SCOPES = ("openid", "profile", "email")
GROUPS = "groups"  # Okta and Dex have the claim of this name only where the scope of this name was asked for


@dataclass(frozen=True, slots=True)
class Discovered:
    """A provider: its issuer as its tokens name it, its URLs, and which forms of its protocol it knows.

    `basic`: the client's secret goes into a header, else into the form. `names_issuer`: each return from it names the
    issuer (RFC 9207).
    """

    issuer: str
    authorization_url: str
    token_url: str
    keys_url: str
    basic: bool
    names_issuer: bool
    scope: str


def discovery_url(issuer: str) -> str:
    """Return where a provider says it."""
    return issuer.rstrip("/") + WELL_KNOWN


def read_discovery(document: Any, issuer: str) -> Discovered:
    """Return the provider that `document` describes. Raises ProviderFailed where it is another, or says too little.

    A slash at the end of an issuer is forgiven in the setting, and nowhere else.
    """
    if not isinstance(document, dict):
        raise ProviderFailed("The identity provider's discovery document is not a JSON object.")
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise ProviderFailed("The identity provider's discovery document names another issuer than SEGUE_OIDC_ISSUER.")
    # What the specification assumes where a provider says nothing.
    methods = _texts(document, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    supported = _texts(document, "scopes_supported")
    return Discovered(
        issuer=named,
        authorization_url=_url(document, "authorization_endpoint"),
        token_url=_url(document, "token_endpoint"),
        keys_url=_url(document, "jwks_uri"),
        basic="client_secret_basic" in methods or "client_secret_post" not in methods,
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        scope=" ".join([*SCOPES, *([GROUPS] if GROUPS in supported else [])]),
    )


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _url(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or is_unencrypted(value):
        raise ProviderFailed(f"The identity provider's discovery document has no usable {name}.")
    return value
