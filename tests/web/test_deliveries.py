"""What the sender of a delivery is answered, and what is kept of it."""

from __future__ import annotations

import gzip
import hmac
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.service import SECRETS, Running, close_database, open_database, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.postgres import Databases


def signup(number: int = 1, email: str = "Ada@Corp.Example", employees: int = 80) -> dict[str, Any]:
    return {"type": "signup", "data": {"n": number, "email": email, "first_name": "Ada", "employees": employees}}


async def test_a_matching_delivery_is_found_under_its_id_in_every_table(web: Running) -> None:
    answer = await web.deliver("crm", signup())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    receipt = answer.json()
    assert receipt == {"received": True, "id": receipt["id"]}
    assert re.fullmatch(r"dlv_[0-9a-f]{32}", receipt["id"])
    (delivery,) = await web.rows("SELECT * FROM deliveries")
    (event,) = await web.rows("SELECT * FROM events")
    (key,) = await web.rows("SELECT * FROM event_keys")
    (decision,) = await web.rows("SELECT * FROM decisions")
    (enrollment,) = await web.rows("SELECT * FROM enrollments")
    (intent,) = await web.rows("SELECT * FROM intents")
    assert delivery["id"] == receipt["id"]
    assert {row["delivery_id"] for row in (event, key, decision, enrollment)} == {receipt["id"]}
    assert {key["event_id"], decision["event_id"], enrollment["event_id"]} == {event["id"]}
    assert (enrollment["decision_id"], decision["enrollment_id"]) == (decision["id"], enrollment["id"])
    assert (decision["verdict"], decision["rule"]) == ("enroll", "signup")
    assert (enrollment["email"], enrollment["state"], enrollment["sequence"]) == ("ada@corp.example", "ready", "310001")
    assert (intent["email"], intent["intent"]) == ("ada@corp.example", "demo")


async def test_the_body_is_kept_as_it_came(web: Running) -> None:
    body = b'{ "type" : "signup", "data": {"employees": 1} }\n'

    await web.deliver("crm", body)

    assert [row["body"] for row in await web.rows("SELECT body FROM deliveries")] == [body]


async def test_an_event_that_a_rule_hears_and_does_not_match_is_stored_with_its_no(web: Running) -> None:
    answer = await web.deliver("crm", signup(employees=3))

    assert answer.json().keys() == {"received", "id"}
    (decision,) = await web.rows("SELECT * FROM decisions")
    assert (decision["verdict"], decision["rule"], decision["delivery_id"]) == ("none", None, answer.json()["id"])
    assert decision["facts"][0]["detail"] == "event.data.data.employees is 3"
    assert "is 3" not in decision["reason"]
    assert await web.rows("SELECT * FROM enrollments") == []
    assert web.counted("decisions_total", rule="none", outcome="none") == 1


async def test_an_event_that_no_rule_hears_is_counted_and_not_stored(web: Running) -> None:
    answer = await web.deliver("crm", {"type": "logout", "data": {}})

    assert answer.status_code == 200
    assert answer.json()["filtered"] is True
    assert await web.rows("SELECT * FROM deliveries") == []
    assert await web.rows("SELECT * FROM events") == []
    assert web.counted("unheard_total", source="crm") == 1
    assert web.counted("webhooks_received_total", source="crm", result="filtered") == 1


async def test_a_duplicate_is_answered_with_the_first_id_and_adds_no_row(web: Running) -> None:
    first = await web.deliver("crm", signup())
    second = await web.deliver("crm", signup())

    assert second.status_code == 200
    assert second.json() == {"received": True, "id": first.json()["id"], "duplicate": True}
    assert len(await web.rows("SELECT * FROM events")) == 1
    assert len(await web.rows("SELECT * FROM enrollments")) == 1
    assert web.counted("duplicates_total", source="crm", kind="event") == 1


async def test_repetitions_are_found_by_the_person_and_counted_on_their_event(web: Running) -> None:
    for _ in range(3):
        await web.deliver("crm", signup())
    (listed,) = (await web.post("/api/v1/events/search", email="ada@corp.example")).json()["items"]
    detail = (await web.get(f"/api/v1/events/{listed['id']}")).json()
    assert (listed["repeats"], detail["repeats"]) == (2, 2)
    assert listed["received_at"] <= listed["last_repeated_at"] == detail["last_repeated_at"]


async def test_a_second_event_for_the_same_intent_enrolls_no_contact_and_says_why(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(2))

    (enrollment,) = await web.rows("SELECT id FROM enrollments")
    decided = await web.rows("SELECT verdict, reason FROM decisions ORDER BY id")
    assert decided[1] == {"verdict": "duplicate", "reason": f"duplicate of {enrollment['id']}"}
    assert web.counted("duplicates_total", source="crm", kind="intent") == 1


async def test_an_altered_delivery_gets_401_without_detail_and_is_kept_among_the_refused(web: Running) -> None:
    headers = web.signed("crm", b'{"type": "signup"}')

    answer = await web.client.post("/webhooks/crm", content=b'{"type": "sIgnup"}', headers=headers)

    assert answer.status_code == 401
    assert answer.json() == {"received": False, "id": answer.json()["id"]}
    (kept,) = await web.rows_once_there("SELECT * FROM refused_deliveries")
    assert (kept["id"], kept["status"], kept["reason"]) == (answer.json()["id"], 401, "signature_mismatch")
    assert kept["body"] == b'{"type": "sIgnup"}'
    assert web.counted("webhooks_rejected_total", source="crm", reason="signature_mismatch") == 1


async def test_the_last_twenty_refused_of_each_source_are_kept(web: Running) -> None:
    other = (await web.client.post("/webhooks/webinar", content=b"{}")).json()["id"]
    ids = [(await web.client.post("/webhooks/crm", content=b"{}")).json()["id"] for _ in range(23)]

    await web.rows_once_there("SELECT id FROM refused_deliveries WHERE id = :id", id=ids[-1])

    kept = await web.rows("SELECT id FROM refused_deliveries WHERE source = 'crm' ORDER BY id")
    assert [row["id"] for row in kept] == ids[-20:]
    assert await web.rows("SELECT id FROM refused_deliveries WHERE source = 'webinar'") == [{"id": other}]


async def test_an_unreadable_body_gets_400_and_is_kept_among_the_refused(web: Running) -> None:
    answer = await web.deliver("crm", b"{no json")

    assert answer.status_code == 400
    (kept,) = await web.rows_once_there("SELECT status, reason FROM refused_deliveries")
    assert kept == {"status": 400, "reason": "malformed_body"}


@pytest.mark.parametrize("name", ["missing", "", "/", "missing/crm", "CRM", "crm%20", "%2e%2e", "crm%00"])
async def test_an_unknown_source_gets_404_and_its_name_becomes_no_label(web: Running, name: str) -> None:
    answer = await web.client.post(f"/webhooks/{name}", content=b"{}")

    assert answer.status_code == 404
    assert web.counted("webhooks_rejected_total", source="unknown", reason="unknown_source") == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_any_method_but_the_providers_gets_405_that_names_the_right_one(web: Running, method: str) -> None:
    answer = await web.client.request(method, "/webhooks/crm")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_tool_that_checks_whether_the_source_exists_gets_200(web: Running, method: str) -> None:
    answer = await web.client.request(method, "/webhooks/crm")

    assert (answer.status_code, answer.content) == (200, b"")
    assert web.counted("webhooks_received_total", source="crm", result="handshake") == 1
    missing = await web.client.request(method, "/webhooks/missing")
    assert (missing.status_code, missing.content, missing.headers) == (200, b"", answer.headers)
    assert (await web.client.post("/webhooks/missing")).status_code == 404


async def test_a_get_does_not_tell_which_sources_there_are(web: Running) -> None:
    for query in ("", "?a=1"):
        known, missing = [await web.client.get(f"/webhooks/{name}{query}") for name in ("crm", "missing")]
        assert (known.status_code, known.headers) == (missing.status_code, missing.headers)
        assert [len(one.content) for one in (known, missing)] == [len(known.content)] * 2


async def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not(web: Running) -> None:
    shell = b'{"type": "ping", "pad": ""}'
    fits = shell.replace(b'""', b'"' + b"x" * (4096 - len(shell)) + b'"')

    assert (await web.deliver("open", fits)).status_code == 200
    assert (await web.deliver("open", fits + b" ")).status_code == 413


async def test_a_body_that_is_declared_too_large_is_not_even_read(web: Running) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"x")
        yield b"x"

    answer = await web.client.post("/webhooks/open", content=body(), headers={"content-length": "4097"})

    assert (answer.status_code, read) == (413, [])


async def test_a_streamed_body_is_read_no_further_than_the_limit(web: Running) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b"x" * 1024

    answer = await web.client.post("/webhooks/open", content=body())

    assert (answer.status_code, read) == (413, [0, 1, 2, 3, 4])
    assert web.counted("webhooks_rejected_total", source="open", reason="too_large") == 1


@pytest.mark.parametrize("signed_unpacked", [True, False])
async def test_a_packed_body_is_taken_and_kept_with_the_bytes_that_are_signed(
    web: Running,
    signed_unpacked: bool,  # noqa: FBT001  # a case
) -> None:
    plain = orjson.dumps(signup())
    packed = gzip.compress(plain)
    headers = web.signed("crm", plain if signed_unpacked else packed) | {"content-encoding": "gzip"}

    answer = await web.client.post("/webhooks/crm", content=packed, headers=headers)

    assert answer.status_code == 200
    (kept,) = await web.rows("SELECT body, headers FROM deliveries")
    assert (kept["body"], "content-encoding" in kept["headers"]) == (
        (plain, False) if signed_unpacked else (packed, True)
    )
    assert [row["email"] for row in await web.rows("SELECT email FROM events")] == ["ada@corp.example"]


async def test_a_packed_body_that_is_refused_is_kept_as_it_reads(web: Running) -> None:
    headers = web.signed("crm", b"another body") | {"content-encoding": "gzip"}

    answer = await web.client.post("/webhooks/crm", content=gzip.compress(b"{}"), headers=headers)

    assert answer.status_code == 401
    (kept,) = await web.rows_once_there("SELECT body, headers FROM refused_deliveries")
    assert (kept["body"], "content-encoding" in kept["headers"]) == (b"{}", False)


async def test_an_unknown_encoding_gets_415_with_those_that_are_read(web: Running) -> None:
    answer = await web.deliver("crm", signup(), **{"content-encoding": "br"})

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, deflate")
    assert web.counted("webhooks_rejected_total", source="crm", reason="content_encoding") == 1
    for name in ("identity", ""):
        assert (await web.deliver("crm", signup(), **{"content-encoding": name})).status_code == 200


async def test_a_body_that_unpacks_beyond_the_limit_gets_413(web: Running) -> None:
    answer = await web.client.post(
        "/webhooks/open", content=gzip.compress(bytes(100_000)), headers={"content-encoding": "gzip"}
    )

    assert answer.status_code == 413


async def test_while_the_store_is_gone_senders_are_asked_to_come_again_and_then_taken(
    web: Running, postgres: Databases, database_url: str
) -> None:
    await web.deliver("crm", signup(1))
    await close_database(postgres.url, database_url)

    refused = await web.deliver("crm", signup(2, "bob@corp.example"))

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert web.counted("webhooks_rejected_total", source="crm", reason="store_unavailable") == 1
    await open_database(postgres.url, database_url)
    again = await web.deliver("crm", signup(2, "bob@corp.example"))
    assert again.json() == {"received": True, "id": again.json()["id"]}


async def test_before_a_rulebook_is_loaded_even_an_unknown_source_gets_503(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, load=False) as web:
        answer = await web.client.post("/webhooks/missing", content=b"{}")

        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert (await web.client.get("/readyz")).status_code == 503


async def test_the_challenge_of_zoom_is_answered_and_nothing_is_stored(web: Running) -> None:
    body = {"event": "endpoint.url_validation", "event_ts": 1, "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}

    answer = await web.deliver("webinar", body)

    digest = hmac.digest(SECRETS["ZOOM_SECRET"].encode(), b"qgg8vlvZRS6UYooatFL8Aw", "sha256").hex()
    assert answer.status_code == 200
    assert answer.json() == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": digest}
    assert await web.rows("SELECT * FROM deliveries") == []
    assert web.counted("webhooks_received_total", source="webinar", result="handshake") == 1


async def test_each_change_of_a_portal_is_an_event_of_one_delivery(web: Running) -> None:
    change = {"subscriptionType": "company.creation", "portalId": 1, "subscriptionId": 2, "objectId": 3}

    answer = await web.deliver("portal", [change | {"eventId": number, "occurredAt": 0} for number in (1, 2)])

    events = await web.rows("SELECT delivery_id, provider_id FROM events ORDER BY id")
    assert events == [{"delivery_id": answer.json()["id"], "provider_id": str(number)} for number in (1, 2)]
    assert web.counted("decisions_total", rule="made", outcome="ignore") == 2


async def test_more_than_ten_decisions_about_one_delivery_are_logged_in_one_line(web: Running) -> None:
    def changes(kind: str, first: int, count: int) -> list[dict[str, Any]]:
        change = {"subscriptionType": kind, "portalId": 1, "subscriptionId": 2, "objectId": 3, "occurredAt": 0}
        return [change | {"eventId": first + number} for number in range(count)]

    with capture_logs() as logs:
        await web.deliver("portal", changes("company.creation", 0, 10))
        answer = await web.deliver("portal", changes("company.creation", 10, 11))

    assert [line["event"] for line in logs].count("decision.made") == 10
    (line,) = [line for line in logs if line["event"] == "decisions.made"]
    events = await web.rows("SELECT id FROM events WHERE delivery_id = :id ORDER BY id", id=answer.json()["id"])
    assert line["delivery_id"] == answer.json()["id"]
    assert (line["source"], line["events"]) == ("portal", 11)
    assert line["first_event_ids"] == [row["id"] for row in events[:3]]
    assert line["counts"] == [{"rule": "made", "verdict": "ignore", "count": 11}]
    assert web.counted("decisions_total", rule="made", outcome="ignore") == 21


async def test_no_log_line_holds_a_secret_or_an_address_and_a_person_is_always_the_same_hash(web: Running) -> None:
    with capture_logs() as logs:
        await web.deliver("crm", signup(1))
        await web.deliver("crm", signup(1))
        await web.deliver("crm", signup(2, "ada@corp.example "))
        await web.deliver("crm", signup(3, "\u200bada@corp\u3002example"))
        await web.deliver("crm", {"type": "logout", "data": {"email": "ada@corp.example"}})
        await web.deliver("crm", b'{"email": "ada@corp.example"')
        await web.client.post("/webhooks/crm?key=ada@corp.example", content=b"{}", headers={"x": SECRETS["CRM_SECRET"]})
        await web.client.post("/webhooks/missing", content=b"ada@corp.example")

    names = [line["event"] for line in logs]
    assert set(names) == {
        "delivery.accepted",
        "decision.made",
        "delivery.duplicate",
        "delivery.filtered",
        "delivery.refused",
        "request.unknown_path",
    }
    logged = repr(logs).lower()
    assert "@" not in logged
    assert not [secret for secret in SECRETS.values() if secret.lower() in logged]
    people = {line["person"] for line in logs if line["event"] == "decision.made"}
    assert len(people) == 1
    assert re.fullmatch("[0-9a-f]{16}", people.pop())


async def test_a_delivery_that_no_rule_listens_to_is_counted_and_logged_at_debug(web: Running) -> None:
    with capture_logs() as logs:
        await web.deliver("crm", {"type": "logout"})
    (line,) = logs
    assert (line["event"], line["log_level"], line["events"]) == ("delivery.filtered", "debug", 1)
    assert web.counted("webhooks_received_total", source="crm", result="filtered") == 1
    assert web.counted("unheard_total", source="crm") == 1


async def test_what_is_received_is_counted_and_timed(web: Running) -> None:
    await web.deliver("crm", signup())

    assert web.counted("webhooks_received_total", source="crm", result="accepted") == 1
    assert web.counted("decisions_total", rule="signup", outcome="enroll") == 1
    assert web.counted("webhook_ack_duration_seconds_count") == 1
    assert web.counted("source_last_event_timestamp_seconds", source="crm") > 0
