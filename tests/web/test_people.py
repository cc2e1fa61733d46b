"""Forgetting and exporting people, as operators and HubSpot ask for it."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.commands import run
from tests.support.service import ADMIN_TOKEN, SECRETS

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from typer.testing import Result

    from tests.support.service import Running

ADDRESS = "zoe@corp.example"


async def post(web: Running, path: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    return await web.client.post(f"/api/v1/people/{path}", json=body, headers=headers)


async def signed_up(web: Running, number: int = 1) -> None:
    await web.deliver("open", {"id": f"f{number}", "type": "ping", "email": ADDRESS})


async def test_forgetting_is_a_dry_run_unless_it_is_said(web: Running) -> None:
    await signed_up(web)
    answer = (await post(web, "forget", email=ADDRESS)).json()
    assert (answer["dry_run"], answer["emails"], answer["forgetting"]) == (True, [ADDRESS], None)
    assert (answer["counts"]["events"], answer["counts"]["cancelled"]) == (1, 1)
    assert await web.rows("SELECT state FROM enrollments") == [{"state": "ready"}]


async def test_a_person_is_forgotten_and_a_late_retry_enrolls_no_one(web: Running) -> None:
    await signed_up(web)
    begun = (await post(web, "forget", email=ADDRESS, dry_run=False)).json()["forgetting"]
    assert begun["done_at"] is None
    forgetter = await web.process.forgetter()
    assert await forgetter.work() is None
    shown = (await web.get(f"/api/v1/people/forgettings/{begun['id']}")).json()
    assert shown["done_at"] is not None
    assert shown["counts"]["enrollments"] == 1
    await signed_up(web, 2)
    assert await web.rows("SELECT verdict FROM decisions ORDER BY id DESC LIMIT 1") == [{"verdict": "forgotten"}]
    assert (await post(web, "lift", email=ADDRESS)).json() == {"lifted": True}
    assert (await post(web, "lift", email=ADDRESS)).json() == {"lifted": False}


async def test_a_person_who_is_still_being_forgotten_is_not_lifted(web: Running) -> None:
    await post(web, "forget", email=ADDRESS, dry_run=False)
    assert (await post(web, "lift", email=ADDRESS)).status_code == 409


async def test_a_blank_address_and_an_unknown_request_are_problems(web: Running) -> None:
    assert (await post(web, "forget", email=" ")).status_code == 422
    assert (await post(web, "export", email=" ")).status_code == 422
    assert (await post(web, "lift", email=" ")).status_code == 422
    assert (await web.get("/api/v1/people/forgettings/fgt_none")).status_code == 404


async def test_what_is_no_address_is_someone_only_where_it_is_stored_as_one(web: Running) -> None:
    for path in ("forget", "export"):
        answer = await post(web, path, email="no address")
        assert answer.status_code == 422
        assert "email: this is no e-mail address, and nothing is stored under it" in answer.json()["detail"]
    for command in ("forget", "export-person"):
        refused = await segue(web, command, "no address")
        assert "write one, such as ada@corp.example" in str(refused.exception)
    await web.deliver("open", {"id": "f1", "type": "ping", "email": "no address"})
    assert (await post(web, "export", email="no address")).json()["tables"].keys() >= {"events"}
    assert (await post(web, "forget", email=" No Address ")).json()["counts"]["events"] == 1
    assert (await segue(web, "forget", "no address", "--yes")).exit_code == 0
    assert await web.rows("SELECT email FROM events") == [{"email": None}]
    assert (await segue(web, "forget", "no address", "--lift")).stdout == "this person may be enrolled again\n"


async def test_an_event_of_a_forgotten_person_is_not_decided_again(web: Running) -> None:
    await signed_up(web)
    await post(web, "forget", email=ADDRESS, dry_run=False)
    (event,) = await web.rows("SELECT id FROM events")
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = await web.client.post(f"/api/v1/events/{event['id']}/decide", headers=headers)
    assert answer.status_code == 409
    await signed_up(web)
    assert await web.rows("SELECT state FROM enrollments") == [{"state": "cancelled"}]


async def test_no_operation_brings_a_cancelled_enrollment_of_a_forgotten_person_back(web: Running) -> None:
    await signed_up(web)
    await post(web, "forget", email=ADDRESS, dry_run=False)
    assert await (await web.process.forgetter()).work() is None
    (row,) = await web.rows("SELECT id FROM enrollments")
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    answers = [
        await web.client.post(f"/api/v1/enrollments/{row['id']}/{operation}", headers=headers)
        for operation in ("release", "resend", "cancel", "decide")
    ]
    assert {answer.status_code for answer in answers} <= {404, 405, 409}
    assert await web.rows("SELECT state, email FROM enrollments") == [{"state": "cancelled", "email": "forgotten"}]


async def test_no_log_line_holds_the_address(web: Running) -> None:
    with capture_logs() as lines:
        await signed_up(web)
        await post(web, "forget", email=ADDRESS, dry_run=False)
        assert await (await web.process.forgetter()).work() is None
        await signed_up(web, 2)
        await post(web, "lift", email=ADDRESS)
    assert {line["event"] for line in lines} >= {"person.forgetting", "person.forgotten", "person.lifted"}
    assert ADDRESS not in repr(lines)
    assert ADDRESS not in repr(await web.rows("SELECT * FROM audit"))


async def test_what_hubspot_deletes_for_privacy_is_forgotten(web: Running) -> None:
    await signed_up(web)
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO hubspot_accounts VALUES ('main', '3', NULL, now())")
        await connection.exec_driver_sql("UPDATE enrollments SET contact_id = '501', state = 'enrolled'")
    erased = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "objectId": 501, "occurredAt": 1_795_424_400_000}
    answer = await web.deliver("portal", [erased | {"subscriptionType": "contact.privacyDeletion"}])
    assert answer.status_code == 200
    assert await web.rows("SELECT requested_by FROM forgettings") == [{"requested_by": "hubspot"}]
    assert await (await web.process.forgetter()).work() is None
    assert await web.rows("SELECT email, contact_id FROM enrollments") == [{"email": "forgotten", "contact_id": None}]
    await signed_up(web, 2)
    assert await web.rows("SELECT verdict FROM decisions ORDER BY id DESC LIMIT 1") == [{"verdict": "forgotten"}]


async def test_the_export_has_the_tables_by_name(web: Running) -> None:
    await signed_up(web)
    exported = (await post(web, "export", email=ADDRESS)).json()
    assert set(exported["tables"]) == {"deliveries", "events", "decisions", "enrollments", "journal", "intents"}
    assert exported["tables"]["deliveries"][0]["body"].startswith("{")


async def segue(web: Running, *arguments: str) -> Result:
    url = web.process.engine.url.render_as_string(hide_password=False)
    with capture_logs():
        return await asyncio.to_thread(run, *arguments, SEGUE_DATABASE_URL=url, **SECRETS)


async def test_the_command_counts_first_and_forgets_with_yes(web: Running) -> None:
    await signed_up(web)
    dry = await segue(web, "forget", ADDRESS)
    assert (dry.exit_code, dry.stdout.splitlines()[-1]) == (
        0,
        "nothing was changed: repeat it with --yes to erase this",
    )
    assert await web.rows("SELECT email FROM enrollments") == [{"email": ADDRESS}]
    done = await segue(web, "forget", ADDRESS, "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["done"]) == (0, True)
    assert await web.rows("SELECT email FROM enrollments") == [{"email": "forgotten"}]
    assert (await post(web, "export", email="forgotten")).status_code == 422  # that would be everyone who was erased
    lifted = await segue(web, "forget", ADDRESS, "--lift")
    assert lifted.stdout == "this person may be enrolled again\n"


async def test_the_command_exports_into_a_file_that_only_its_owner_reads(web: Running, tmp_path: Path) -> None:
    await signed_up(web)
    file = tmp_path / "zoe.json"
    assert (await segue(web, "export-person", ADDRESS, "--output", str(file))).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["person"]["emails"] == [ADDRESS]
    assert (await segue(web, "export-person", ADDRESS, "--output", str(file))).exit_code != 0
    printed = await segue(web, "export-person", ADDRESS)
    assert json.loads(printed.stdout)["tables"] == json.loads(file.read_text())["tables"]
    noted = await web.rows("SELECT what, target FROM audit WHERE who LIKE 'cli%'")
    assert noted == [{"what": "segue export-person", "target": None}] * 3  # also of what no file took
