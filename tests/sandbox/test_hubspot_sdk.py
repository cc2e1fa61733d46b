"""HubSpot's own new client, which we did not write, against the sandbox: its models are strict here.

It is generated from HubSpot's published interface. It sends its OAuth requests as JSON, though that interface says
that they are forms, and so the sandbox refuses them; their answers are held against its models all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import hubspot_sdk
import pytest
from hubspot_sdk import AsyncHubSpot
from hubspot_sdk.types.auth import AccessTokenResponse, PublicAccessTokenInfoResponse, PublicRefreshTokenInfoResponse

from tests.sandbox.test_sandbox_oauth import CLIENT, TOKEN, tokens
from tests.support.sandbox_account import ANNAS_ADDRESS

if TYPE_CHECKING:
    from hubspot_sdk.types.crm import FilterGroupParam, SimplePublicObjectBatchInputUpsertParam

    from tests.support.sandbox_account import SandboxAccount

ADA = "ada@corp.example"


@pytest.fixture
def sdk(account: SandboxAccount) -> AsyncHubSpot:
    return AsyncHubSpot(
        access_token="pat-sandbox",
        base_url="http://sandbox.test",
        max_retries=0,  # it would send an enrollment a second time
        http_client=account.client,
        _strict_response_validation=True,
    )


def upsert_of(email: str, **properties: str) -> SimplePublicObjectBatchInputUpsertParam:
    return {"id": email, "id_property": "email", "properties": properties}


async def test_it_lists_and_reads_sequences(sdk: AsyncHubSpot) -> None:
    listed = [sequence async for sequence in sdk.automation.sequences.list(user_id="7001", limit=2)]
    assert [sequence.id for sequence in listed] == ["310001", "310002", "310003", "310005"]
    one = await sdk.automation.sequences.get("310001", user_id="7001")
    assert (one.name, len(one.steps)) == ("Demo request", 3)


async def test_it_enrolls_and_reads_the_status(account: SandboxAccount, sdk: AsyncHubSpot) -> None:
    contact = account.id_of(ADA)
    enrolled = await sdk.automation.sequences.create_enrollment(
        user_id="7001", contact_id=contact, sender_email=ANNAS_ADDRESS, sequence_id="310001"
    )
    status = await sdk.automation.sequences.get_enrollment_by_contact_id(contact)
    assert (status.id, status.sequence_id, status.enrolled_by) == (enrolled.id, "310001", "7001")
    with pytest.raises(hubspot_sdk.BadRequestError) as refused:
        await sdk.automation.sequences.create_enrollment(
            user_id="7001", contact_id=contact, sender_email=ANNAS_ADDRESS, sequence_id="310001"
        )
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["errorType"] == "SequenceError.ALREADY_ENROLLED"


async def test_it_upserts_reads_and_finds_contacts(sdk: AsyncHubSpot) -> None:
    contacts = sdk.crm.objects.contacts
    inputs = [upsert_of("new@corp.example", firstname="Nora"), upsert_of(ADA, company="Corp")]
    done = await contacts.batch.upsert(inputs=inputs)
    assert [(one.new, one.properties["email"]) for one in done.results] == [(True, "new@corp.example"), (False, ADA)]
    read = await contacts.get(done.results[1].id, properties=["company"])
    assert read.properties == {"company": "Corp"}
    mine: list[FilterGroupParam] = [{"filters": [{"property_name": "email", "operator": "EQ", "value": ADA}]}]
    found = await contacts.search(filter_groups=mine, after="0", limit=10, properties=["email"], sorts=["email"])
    assert [one.id for one in found.results] == [read.id]


async def test_it_reads_part_of_a_batch_that_failed_in_part(sdk: AsyncHubSpot) -> None:
    inputs = [upsert_of("new@corp.example"), upsert_of("bad@corp.example", shoe_size="44")]
    done = await sdk.crm.objects.contacts.batch.upsert(inputs=inputs)
    assert [one.properties["email"] for one in done.results] == ["new@corp.example"]


async def test_it_reads_owners_users_and_the_account(account: SandboxAccount, sdk: AsyncHubSpot) -> None:
    owners = [owner async for owner in sdk.crm.owners.list(email=ANNAS_ADDRESS)]
    users = [user async for user in sdk.settings.users.list(limit=3)]
    assert [(owner.id, owner.user_id) for owner in owners] == [("90211", 7001)]
    assert [user.id for user in users] == ["7001", "7002", "7003", "7004"]
    assert (await sdk.settings.users.get("7001")).email == ANNAS_ADDRESS
    assert (await sdk.account.get()).portal_id == account.state.id
    (usage,) = (await sdk.account.get_daily_private_apps_usage()).results
    assert usage.usage_limit == account.state.settings.daily


async def test_it_knows_a_spent_limit_and_a_wrong_token(account: SandboxAccount, sdk: AsyncHubSpot) -> None:
    account.state.settings.per_10s = 1
    await sdk.account.get()
    with pytest.raises(hubspot_sdk.RateLimitError):
        await sdk.account.get()
    with pytest.raises(hubspot_sdk.AuthenticationError):
        await sdk.with_options(access_token="wrong").account.get()


async def test_the_answers_of_oauth_are_what_it_expects(account: SandboxAccount) -> None:
    granted = AccessTokenResponse.model_validate(await tokens(account), strict=True)
    for token, model in (
        (granted.access_token, PublicAccessTokenInfoResponse),
        (granted.refresh_token, PublicRefreshTokenInfoResponse),
    ):
        answer = await account.client.post(f"{TOKEN}/introspect", data=CLIENT | {"token": token})
        assert model.model_validate(answer.json(), strict=True).hub_id == account.state.id


async def test_a_client_with_an_oauth_token_does_the_same(account: SandboxAccount, sdk: AsyncHubSpot) -> None:
    granted = await tokens(account)
    north = await tokens(account, portal="north")
    ids = [
        (await sdk.with_options(access_token=one["access_token"]).account.get()).portal_id for one in (granted, north)
    ]
    assert ids == [granted["hub_id"], north["hub_id"]]
