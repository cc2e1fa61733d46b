"""What HubSpot says now of one sequence and of one person: by command and over HTTP, against the sandbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.catalogue.test_catalogue import served
from tests.doctor.conftest import ANNA, BEN, CLEO, Practice, practice

if TYPE_CHECKING:
    from tests.support.service import Running

__all__ = ["practice", "served"]

NOW = "not enrolled"


def shown(practice: Practice, *arguments: str) -> dict[str, Any]:
    result = practice.run("hubspot", *arguments, "--json")
    assert result.exit_code == 0, result.exception
    row: dict[str, Any] = json.loads(result.stdout)
    return row


def test_a_sequence_is_shown_with_its_steps(practice: Practice) -> None:
    row = shown(practice, "sequence", "310002")
    assert (row["name"], row["owner"], row["sends"], row["seen_by"]) == (
        "Webinar follow-up",
        "7002",
        "08:00-18:00",
        "anna",
    )
    first, second = row["steps"]
    assert (first["kind"], first["delay_seconds"], first["template_id"]) == ("EMAIL", 0.0, "93100020")
    assert (second["delay_seconds"], second["task_subject"]) == (86_400.0, None)
    (task,) = shown(practice, "sequence", "310005")["steps"]
    assert (task["task_type"], task["task_subject"], task["task_priority"], task["template_id"]) == (
        "CALL",
        "Call: Call once",
        "HIGH",
        None,
    )


def test_a_sequence_is_looked_for_with_each_sender_until_one_sees_it(practice: Practice) -> None:
    practice.control("settings", {"sender_refusals": 403})
    practice.rules(cleo=CLEO, anna=ANNA, ben=BEN)
    assert shown(practice, "sequence", "310004")["seen_by"] == "ben"
    assert "OBJECT_NOT_FOUND" in str(practice.run("hubspot", "sequence", "399999").exception)
    assert "a sequence's id is a number" in str(practice.run("hubspot", "sequence", "..").exception)
    table = practice.run("hubspot", "sequence", "310001").stdout
    assert ("Demo request" in table, "93100010" in table) == (True, True)


def test_a_person_is_asked_about_now(practice: Practice) -> None:
    row = shown(practice, "status", "--email", "Ada@Corp.example")
    assert (row["enrolled"], row["detail"], row["enrollment"], row["latest"]) == (False, NOW, None, None)
    practice.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    row = shown(practice, "status", "--email", "ada@corp.example")
    assert (row["enrolled"], row["enrollment"], row["latest"]["sequence"]) == (True, None, "310002")
    assert "a colleague may have enrolled the contact" in row["detail"]
    stranger = shown(practice, "status", "--email", "stranger@new.example")
    assert (stranger["contact_id"], stranger["enrolled"]) == (None, False)
    assert "no contact" in practice.run("hubspot", "status", "--email", "stranger@new.example").stdout
    unusable = practice.run("hubspot", "status", "--email", "nowhere")
    assert "no usable e-mail address" in str(unusable.exception)


async def test_programs_ask_about_a_person_and_nothing_is_cached(served: Running, practice: Practice) -> None:
    url = "/api/v1/contacts/enrollment"
    before = (await served.post(url, email="al@corp.example")).json()
    assert (before["account"], before["contact_id"] is not None) == ("main", True)
    practice.control("enroll-elsewhere", {"email": "bea@corp.example", "sequence": "310001"})
    bea = (await served.post(url, email="bea@corp.example")).json()
    assert (bea["enrolled"], bea["latest"]["sequence"], bea["enrollments"]) == (True, "310001", 1)
    practice.control("happen", {"email": "bea@corp.example", "what": "reply"})
    after = (await served.post(url, email="bea@corp.example")).json()
    assert (after["enrolled"], after["detail"], after["latest"]["ended_at"] is not None) == (False, NOW, True)
    assert (await served.post(url, email="nowhere")).status_code == 422
    assert (await served.post(url, email="al@corp.example", account="emea")).status_code == 404


async def test_programs_ask_for_a_sequence(served: Running, practice: Practice) -> None:
    found = (await served.get("/api/v1/sequences/310001")).json()
    assert [step["kind"] for step in found["steps"]] == ["EMAIL"] * 3
    missing = await served.get("/api/v1/sequences/399999")
    assert (missing.status_code, "399999" in missing.json()["detail"]) == (404, True)
    assert (await served.get("/api/v1/sequences/%2E%2E")).status_code == 422
    practice.refuse("sequence", 403, "MISSING_SCOPES")
    refused = await served.get("/api/v1/sequences/310001")
    assert (refused.status_code, "MISSING_SCOPES" in refused.json()["detail"]) == (503, True)


@pytest.mark.parametrize("route", ["read", "status"])
async def test_what_hubspot_does_not_answer_is_unavailable(served: Running, practice: Practice, route: str) -> None:
    practice.control("faults", [{"route": route, "kind": "drop_before"}])
    answer = await served.post("/api/v1/contacts/enrollment", email="ada@corp.example")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
