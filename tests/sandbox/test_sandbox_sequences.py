from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox_account import ANNA, ANNAS_ADDRESS, ENROLL, SEQUENCES

if TYPE_CHECKING:
    from tests.support.sandbox_account import SandboxAccount

# The fields that HubSpot's published interface of sequences requires.
LITE_FIELDS = {"id", "name", "createdAt", "updatedAt", "userId"}
STEP_FIELDS = {"id", "stepOrder", "actionType", "delayMillis", "createdAt", "updatedAt"}
ENROLLED_FIELDS = {"id", "toEmail", "enrolledAt", "updatedAt"}
STATUS_FIELDS = ENROLLED_FIELDS | {"sequenceId", "sequenceName", "enrolledBy", "enrolledByEmail"}
ADA, ONE_STEP = "ada@corp.example", "310003"


async def test_the_list_shows_a_user_every_shared_sequence_and_its_own(account: SandboxAccount) -> None:
    for user, ids in (("7001", 4), ("7002", 5)):
        answer = await account.client.get(SEQUENCES, params={"userId": user})
        body = answer.json()
        assert (answer.status_code, body.keys()) == (200, {"total", "results"})
        assert (body["total"], len(body["results"])) == (ids, ids)
        assert all(one.keys() == LITE_FIELDS for one in body["results"])
        assert ("310004" in {one["id"] for one in body["results"]}) == (user == "7002")


async def test_the_list_goes_on_after_each_page_and_finds_by_name(account: SandboxAccount) -> None:
    first = await account.client.get(SEQUENCES, params=ANNA | {"limit": "3"})
    after = first.json()["paging"]["next"]["after"]
    second = await account.client.get(SEQUENCES, params=ANNA | {"limit": "3", "after": after})
    assert [one["id"] for one in first.json()["results"]] == ["310001", "310002", "310003"]
    assert [one["id"] for one in second.json()["results"]] == ["310005"]
    assert "paging" not in second.json()
    named = await account.client.get(SEQUENCES, params=ANNA | {"name": "webinar"})
    assert [one["id"] for one in named.json()["results"]] == ["310002"]


@pytest.mark.parametrize("page", [{"after": "x"}, {"after": "-1"}, {"limit": "x"}, {"limit": "-1"}])
async def test_a_page_that_makes_no_sense_is_refused(account: SandboxAccount, page: dict[str, str]) -> None:
    answer = await account.client.get(SEQUENCES, params=ANNA | page)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


async def test_one_sequence_is_shown_with_its_steps(account: SandboxAccount) -> None:
    answer = await account.client.get(f"{SEQUENCES}/310001", params=ANNA)
    body = answer.json()
    assert body.keys() == LITE_FIELDS | {"steps", "settings", "dependencies"}
    assert [step["stepOrder"] for step in body["steps"]] == [0, 1, 2]
    assert all(step.keys() >= STEP_FIELDS for step in body["steps"])


async def test_a_word_in_place_of_a_sequence_id_is_400_naming_the_word(account: SandboxAccount) -> None:
    answer = await account.client.get(f"{SEQUENCES}/sequences", params=ANNA)
    assert answer.status_code == 400
    assert answer.json()["message"] == "The sequence ID provided is invalid"
    assert answer.json()["context"] == {"sequenceId": ["sequences"]}


async def test_enrolling_answers_200_and_the_status_shows_the_same_enrollment(account: SandboxAccount) -> None:
    enrolled, status = await account.enroll(ADA), await account.status(ADA)
    assert (enrolled.status_code, status.status_code) == (200, 200)
    assert enrolled.json().keys() == ENROLLED_FIELDS
    assert enrolled.json()["enrolledAt"] == "2027-01-15T08:00:00.000Z"
    assert status.json().keys() == STATUS_FIELDS
    assert status.json() == enrolled.json() | {
        "sequenceId": "310001",
        "sequenceName": "Demo request",
        "enrolledBy": "7001",
        "enrolledByEmail": ANNAS_ADDRESS,
    }


async def test_the_status_of_who_is_not_enrolled_or_unknown_is_404(account: SandboxAccount) -> None:
    assert (await account.status(ADA)).status_code == 404
    assert (await account.client.get(f"{ENROLL}/contact/999999")).status_code == 404


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("una@lost.example", "UNSUBSCRIBED"),
        ("pia@lost.example", "UNSUBSCRIBED_PERSONAL"),
        ("bo@lost.example", "BOUNCED"),
        ("rex@lost.example", "RECIPIENT_PREVIOUSLY_BOUNCED"),
        ("abe@lost.example", "BLOCKED_ADDRESS"),
        ("dom@blocked.example", "BLOCKED_DOMAIN"),
        ("sam@lost.example", "PREVIOUSLY_MARKED_AS_SPAM"),
        ("olga@lost.example", "OTHER_SEND_REJECTED"),
        ("al@corp.example", "ALREADY_ENROLLED"),
    ],
)
async def test_a_contact_is_refused_with_the_reason(account: SandboxAccount, email: str, code: str) -> None:
    assert await account.refused_as(email) == f"SequenceError.{code}"
    (entry,) = account.state.ledger.entries
    assert (entry.email, entry.outcome, entry.processed, entry.enrollment_id) == (email, code, False, None)


async def test_a_second_enrollment_is_refused_in_the_same_and_in_another_sequence(account: SandboxAccount) -> None:
    await account.enroll(ADA)
    for sequence in ("310001", "310002"):
        assert await account.refused_as(ADA, sequence=sequence) == "SequenceError.ALREADY_ENROLLED"


@pytest.mark.parametrize(("user", "sender"), [("7004", "dan@acme.example"), ("7001", "ben@acme.example")])
async def test_a_sender_without_a_connected_inbox_is_refused(account: SandboxAccount, user: str, sender: str) -> None:
    assert await account.refused_as(ADA, user=user, sender=sender) == "SequenceError.NO_INBOX_FOR_SENDER_ADDRESS"


@pytest.mark.parametrize(("user", "sender"), [("7003", "cleo@acme.example"), ("7004", "dan@acme.example")])
async def test_a_sender_without_a_seat_or_an_inbox_may_be_forbidden_without_a_code(
    account: SandboxAccount, user: str, sender: str
) -> None:
    account.state.settings.sender_refusals = 403
    answer = await account.enroll(ADA, user=user, sender=sender)
    assert (answer.status_code, answer.json().keys()) == (403, {"status", "message", "correlationId"})


@pytest.mark.parametrize(
    ("alias", "status"), [("Anna@Sales.acme.example", 200), ("ben@acme.example", 400), ("", 400), (7, 400)]
)
async def test_an_alias_must_be_one_of_the_users_own(account: SandboxAccount, alias: Any, status: int) -> None:
    body = {"contactId": account.id_of(ADA), "sequenceId": "310001", "senderEmail": ANNAS_ADDRESS}
    answer = await account.client.post(ENROLL, params=ANNA, json=body | {"senderAliasAddress": alias})
    assert answer.status_code == status


@pytest.mark.parametrize("again", [ANNAS_ADDRESS, "Anna@Acme.example"])
async def test_a_spent_sender_is_refused_until_a_day_has_passed(account: SandboxAccount, again: str) -> None:
    account.state.settings.send_limit = 1
    await account.enroll(ADA)
    assert await account.refused_as("bea@corp.example", sender=again) == "SequenceError.SEND_LIMIT_EXCEEDED"
    assert (await account.enroll("cid@corp.example", user="7002", sender="ben@acme.example")).status_code == 200
    account.clock.now += 86_400
    assert (await account.enroll("bea@corp.example", sender=again)).status_code == 200


@pytest.mark.parametrize(
    ("user", "sequence", "status"),
    [("7999", "310001", 400), ("7003", "310001", 400), ("7001", "310004", 404), ("7001", "399999", 404)],
    ids=["unknown user", "user without a seat", "sequence not shared", "unknown sequence"],
)
async def test_a_wrong_user_or_sequence_enrolls_nothing(
    account: SandboxAccount, user: str, sequence: str, status: int
) -> None:
    sender = "cleo@acme.example" if user == "7003" else ANNAS_ADDRESS
    answer = await account.enroll(ADA, sequence, user=user, sender=sender)
    assert answer.status_code == status
    assert "errorType" not in answer.json()
    assert (await account.status(ADA)).status_code == 404


async def test_a_private_sequence_enrolls_for_its_owner(account: SandboxAccount) -> None:
    assert (await account.enroll(ADA, "310004", user="7002", sender="ben@acme.example")).status_code == 200


@pytest.mark.parametrize("path", [SEQUENCES, f"{SEQUENCES}/310001", ENROLL])
async def test_without_a_user_id_nothing_is_shown_or_enrolled(account: SandboxAccount, path: str) -> None:
    answer = await account.client.request("POST" if path == ENROLL else "GET", path, json={})
    assert (answer.status_code, answer.json()["message"]) == (400, "query param userId may not be null")


@pytest.mark.parametrize("missing", ["contactId", "sequenceId", "senderEmail"])
async def test_every_field_of_an_enrollment_is_required(account: SandboxAccount, missing: str) -> None:
    body = {"contactId": account.id_of(ADA), "sequenceId": "310001", "senderEmail": ANNAS_ADDRESS}
    del body[missing]
    answer = await account.client.post(ENROLL, params=ANNA, json=body)
    assert answer.status_code == 400
    assert missing in answer.json()["message"]


async def test_an_unknown_contact_is_not_enrolled(account: SandboxAccount) -> None:
    body = {"contactId": "999999", "sequenceId": "310001", "senderEmail": ANNAS_ADDRESS}
    assert (await account.client.post(ENROLL, params=ANNA, json=body)).status_code == 404


async def test_a_sequence_of_one_step_ends_and_its_contact_may_be_enrolled_again(account: SandboxAccount) -> None:
    await account.enroll(ADA, ONE_STEP)
    account.clock.now += 19.5
    assert await account.refused_as(ADA, sequence=ONE_STEP) == "SequenceError.ALREADY_ENROLLED"
    account.clock.now += 0.5
    assert (await account.status(ADA)).status_code == 404
    assert await account.properties(ADA, "hs_sequences_is_enrolled", "hs_latest_sequence_finished_date") == {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_finished_date": "2027-01-15T08:00:20.000Z",
    }
    assert (await account.enroll(ADA, ONE_STEP)).status_code == 200


async def test_a_sequence_of_several_steps_does_not_end(account: SandboxAccount) -> None:
    await account.enroll(ADA)
    account.clock.now += 30 * 86_400
    assert (await account.status(ADA)).status_code == 200


@pytest.mark.parametrize("lag", [0.0, 3600.0])
async def test_the_count_of_enrollments_rises_at_once_whatever_the_lag(account: SandboxAccount, lag: float) -> None:
    account.state.settings.property_lag = lag
    for _ in range(3):
        assert (await account.enroll(ADA, ONE_STEP)).status_code == 200
        account.clock.now += 20
    account.clock.now += lag
    assert await account.properties(ADA, "hs_sequences_enrolled_count", "hs_sequences_actively_enrolled_count") == {
        "hs_sequences_enrolled_count": "3",
        "hs_sequences_actively_enrolled_count": "0",
    }


async def test_an_enrollment_by_other_hands_is_in_the_properties_but_not_in_the_status(account: SandboxAccount) -> None:
    body = {"email": ADA, "sequence": "310002"}
    assert (await account.client.post("/_sandbox/enroll-elsewhere", json=body)).status_code == 200
    assert (await account.status(ADA)).status_code == 404
    assert await account.properties(ADA, "hs_sequences_is_enrolled") == {"hs_sequences_is_enrolled": "true"}
    assert await account.refused_as(ADA) == "SequenceError.ALREADY_ENROLLED"


async def test_the_ledger_counts_every_enroll_request_whatever_became_of_it(account: SandboxAccount) -> None:
    await account.enroll(ADA)
    await account.enroll(ADA)
    await account.client.post(ENROLL, params=ANNA, content=b"{")
    await account.client.post(ENROLL, params=ANNA, json={}, headers={"Authorization": "Bearer wrong"})
    account.state.settings.per_10s = 1
    await account.enroll("bea@corp.example")
    await account.client.get(f"{ENROLL}/contact/1")
    rows = (await account.client.get("/_sandbox/ledger")).json()
    assert [(row["n"], row["outcome"], row["processed"]) for row in rows] == [
        (1, "enrolled", True),
        (2, "ALREADY_ENROLLED", False),
        (3, "VALIDATION_ERROR", False),
        (4, "INVALID_AUTHENTICATION", False),
        (5, "RATE_LIMIT", False),
    ]
