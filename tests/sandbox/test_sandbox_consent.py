from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_account import SandboxAccount

ADA = "ada@corp.example"
SUBSCRIBE = "/communication-preferences/v3/subscribe"
BASIS = {"legalBasis": "LEGITIMATE_INTEREST_PQL", "legalBasisExplanation": "asked for a demo"}


def asked(email: str = ADA, **more: Any) -> dict[str, Any]:
    return {"emailAddress": email, "subscriptionId": "42"} | more


async def test_with_data_privacy_on_no_contact_without_a_legal_basis_is_enrolled() -> None:
    account = SandboxAccount(gdpr=True)
    assert await account.refused_as(ADA) == "SequenceError.UNSUBSCRIBED"
    answer = await account.client.post(SUBSCRIBE, json=asked("Ada@corp.example", **BASIS))
    assert (answer.status_code, answer.json()["status"]) == (200, "SUBSCRIBED")
    assert (await account.enroll(ADA)).status_code == 200


async def test_with_data_privacy_on_a_subscription_wants_a_legal_basis() -> None:
    account = SandboxAccount(gdpr=True)
    answer = await account.client.post(SUBSCRIBE, json=asked())
    assert answer.status_code == 400
    assert answer.json()["message"] == "Legal Basis is required for resubscribing a contact on GDPR enabled portals"
    assert await account.refused_as(ADA) == "SequenceError.UNSUBSCRIBED"


async def test_without_data_privacy_a_legal_basis_is_not_asked_for(account: SandboxAccount) -> None:
    assert (await account.client.post(SUBSCRIBE, json=asked())).status_code == 200
    assert (await account.enroll(ADA)).status_code == 200


async def test_who_opted_out_stays_opted_out(account: SandboxAccount) -> None:
    assert (await account.client.post(SUBSCRIBE, json=asked("una@lost.example", **BASIS))).status_code == 200
    assert await account.refused_as("una@lost.example") == "SequenceError.UNSUBSCRIBED"


@pytest.mark.parametrize("body", [{}, asked(legalBasis="BECAUSE"), asked(legalBasis=1), {"emailAddress": ADA}])
async def test_a_subscription_that_makes_no_sense_is_refused(account: SandboxAccount, body: dict[str, Any]) -> None:
    assert (await account.client.post(SUBSCRIBE, json=body)).status_code == 400
