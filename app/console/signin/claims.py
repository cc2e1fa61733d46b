"""What an ID token must say (OpenID Connect Core 1.0, 3.1.3.7), and which role its person has. Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.errors import SignInRefused
from app.masking import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from app.operators import Role

SKEW_SECONDS = 60.0  # how far the provider's clock may be from ours
OLDEST_SECONDS = 600.0  # of a token that was made for a login which lasts ten minutes
LONGEST_NAME, MOST_VALUES = 200, 20
AGAIN = "Begin again at the sign-in page."


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must name."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)


def check_claims(claims: Mapping[str, Any], expected: Expected, now: datetime) -> None:
    """Refuse a token that is of another issuer, for another client, of another login, or not of now."""
    if claims.get("iss") != expected.issuer:
        raise _refused("is of another issuer")
    audience = claims.get("aud")
    if expected.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise _refused("is for another client")
    party = claims.get("azp")
    if party not in (None, expected.client_id) or (isinstance(audience, list) and len(audience) > 1 and party is None):
        raise _refused("was made for another party")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not _same(nonce, expected.nonce):
        raise _refused("belongs to another login")
    _check_times(claims, now.timestamp())
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("names no subject")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (one, other)))


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, begins = (_seconds(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise _refused("does not say when it was made and when it ends")
    if now >= expires + SKEW_SECONDS:
        raise _refused("has ended; compare the clocks of both machines")
    if (
        issued > now + SKEW_SECONDS
        or issued < now - OLDEST_SECONDS - SKEW_SECONDS
        or (begins or 0) > now + SKEW_SECONDS
    ):
        raise _refused("is not of now; compare the clocks of both machines")


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _refused(why: str) -> SignInRefused:
    return SignInRefused(f"The identity provider's token {why}. {AGAIN}")


def values_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """Return the values of a claim: a text, or a list of texts. A dot in `claim` leads into an object.

    An address counts only where the provider says that it has verified it.
    """
    found = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        return ()
    listed = found if isinstance(found, list) else [found]
    return tuple(one for one in listed if isinstance(one, str) and one)


def role_of(values: Iterable[str], roles: Iterable[tuple[Role, str]]) -> Role | None:
    """Return the highest role that one of `values` has, None where none has one."""
    held = frozenset(values)
    given = [role for role, value in roles if value in held]
    return next((role for role in given if all(role.may(other) for other in given)), None)


def name_of(claims: Mapping[str, Any]) -> str:
    """Return what pages call the person of a token."""
    for claim in ("name", "preferred_username", "email", "sub"):
        value = claims.get(claim)
        if isinstance(value, str) and value.strip():
            return printable(value.strip())[:LONGEST_NAME]
    return "?"


def no_role(name: str, subject: str, claim: str, values: Iterable[str]) -> SignInRefused:
    """Return why a person is refused whom the provider knows, and who has no role here."""
    listed = ", ".join(sorted(printable(value)[:LONGEST_NAME] for value in values)[:MOST_VALUES]) or "no value"
    return SignInRefused(
        f"The identity provider knows you as {name}, subject {printable(subject)[:LONGEST_NAME]}, and you have no role "
        f"in Segue. Its token has for the claim {claim}: {listed}. An admin gives roles to values by SEGUE_OIDC_ROLES.",
        status=403,
    )
