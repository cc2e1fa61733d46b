"""Legal bases: with data privacy settings on, HubSpot enrolls nobody who has none recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import validation
from app.sandbox.request import Asked, text_of

if TYPE_CHECKING:
    from app.sandbox.state.account import State

LEGAL_BASES = frozenset(
    """
    CONSENT_WITH_NOTICE LEGITIMATE_INTEREST_CLIENT LEGITIMATE_INTEREST_OTHER LEGITIMATE_INTEREST_PQL NON_GDPR
    PERFORMANCE_OF_CONTRACT PROCESS_AND_STORE
    """.split()  # noqa: SIM905  # names read better in a paragraph
)
REQUIRED = "Legal Basis is required for resubscribing a contact on GDPR enabled portals"


def subscribe(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Record a legal basis. Who has opted out stays opted out: that this would undo it was not seen."""
    body = asked.object()
    email, subscription = text_of(body, "emailAddress").lower(), text_of(body, "subscriptionId")
    basis, explanation = body.get("legalBasis"), body.get("legalBasisExplanation")
    if basis is None and state.settings.gdpr:
        raise validation(REQUIRED)
    if basis is not None:
        if not isinstance(basis, str) or basis not in LEGAL_BASES:
            raise validation("legalBasis is not one of the known values")
        state.legal_bases[email] = basis
    return 200, {
        "id": subscription,
        "name": "One to One",
        "description": "One to One emails",
        "status": "SUBSCRIBED",
        "sourceOfStatus": "SUBSCRIPTION_STATUS",
        "legalBasis": basis,
        "legalBasisExplanation": explanation,
    }
