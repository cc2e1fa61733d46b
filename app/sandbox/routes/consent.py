"""Legal bases: with data privacy settings on, HubSpot enrolls only contacts that have one recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sandbox.errors import validation
from app.sandbox.request import text_of

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account

LEGAL_BASES = frozenset(
    """
    CONSENT_WITH_NOTICE LEGITIMATE_INTEREST_CLIENT LEGITIMATE_INTEREST_OTHER LEGITIMATE_INTEREST_PQL NON_GDPR
    PERFORMANCE_OF_CONTRACT PROCESS_AND_STORE
    """.split()  # noqa: SIM905  # names read better in a paragraph
)
REQUIRED = "Legal Basis is required for resubscribing a contact on GDPR enabled portals"


def subscribe(account: Account, request: Request) -> Response:
    """Record a legal basis. A contact that opted out stays so: no live run showed that this undoes an opt-out."""
    body = request.object()
    email, subscription = text_of(body, "emailAddress").lower(), text_of(body, "subscriptionId")
    basis, explanation = body.get("legalBasis"), body.get("legalBasisExplanation")
    if basis is None and account.settings.gdpr:
        raise validation(REQUIRED)
    if basis is not None:
        if not isinstance(basis, str) or basis not in LEGAL_BASES:
            raise validation("legalBasis is not one of the known values")
        account.legal_bases[email] = basis
    return 200, {
        "id": subscription,
        "name": "One to One",
        "description": "One to One emails",
        "status": "SUBSCRIBED",
        "sourceOfStatus": "SUBSCRIPTION_STATUS",
        "legalBasis": basis,
        "legalBasisExplanation": explanation,
    }
