"""The doctor over HTTP: asked for by a row, done by whichever worker is there, kept, and never done for good by one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app import workers
from app.doctor.findings import ok
from app.doctor.run_store import MOST_ATTEMPTS, RUNS_KEPT, Claimed, DoctorRunStore
from tests.catalogue.test_catalogue import served
from tests.support.service import OPERATOR_TOKEN, SECRETS, Running

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.doctor.conftest import Practice

__all__ = ["served"]

RUNS = "/api/v1/accounts/main/doctor"
ME = {"worker": "w", "lease": 300.0}


@pytest.fixture
def store(engine: AsyncEngine) -> DoctorRunStore:
    return DoctorRunStore(engine)


async def lapse(engine: AsyncEngine) -> None:
    """End the lease of the worker that has the turn."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE doctor_runs SET leased_until = now() - interval '1 second'"))


async def claimed(store: DoctorRunStore, *accounts: str) -> Claimed:
    found = await store.claim(accounts or ("main",), **ME)  # type: ignore[arg-type]
    assert found is not None
    return found


async def done(served: Running, id_: str) -> Any:
    async with asyncio.timeout(300):
        while True:
            runs = (await served.get(RUNS)).json()["items"]
            found = next(run for run in runs if run["id"] == id_)
            if found["state"] == "done":
                return found


async def test_a_worker_does_what_an_admin_asks_for_and_keeps_what_was_found(
    served: Running, practice: Practice
) -> None:
    assert (await served.get(RUNS)).json() == {"items": []}
    asked = await served.post(RUNS)
    assert (asked.status_code, asked.json()["state"], asked.json()["asked_by"]) == (202, "waiting", "ada")
    await workers.start(served.process)
    served.process.maintain(sweep=False)
    run = await done(served, asked.json()["id"])
    found = {one["check"]: one for one in run["findings"]}
    assert (found["token accepted"]["status"], found["token accepted"]["account"]) == ("ok", "main")
    assert found["database"]["account"] == ""
    assert found["public URL"]["status"] == "unknown"
    assert (found["scopes"]["status"], run["detail"]) == ("ok", None)
    # The command says the same of the account.
    environment = {"SEGUE_CONFIG": str(served.process.settings.config), **SECRETS}
    _, said = await asyncio.to_thread(practice.doctor, "--account", "main", **environment)
    same = {"HubSpot reachable", "token accepted", "scopes", "sender anna: user id", "legal basis", "time zone"}
    assert {name: found[name]["told"] for name in same if name in said} == {
        name: said[name]["told"] for name in same if name in said
    }
    assert len(same & set(said)) >= 4
    rows = await served.rows("SELECT who, target, after FROM audit WHERE what LIKE '%doctor%'")
    assert rows == [{"who": "ada", "target": "main", "after": {"doctor": run["id"], "asked": True}}]


async def test_who_asks_while_one_waits_gets_that_one(served: Running) -> None:
    first, second = (await served.post(RUNS)).json(), (await served.post(RUNS)).json()
    assert first["id"] == second["id"]
    assert len(await served.rows("SELECT id FROM doctor_runs")) == 1


async def test_only_admins_ask_and_only_for_accounts_of_the_rules(served: Running) -> None:
    assert (await served.post(RUNS, token=OPERATOR_TOKEN)).status_code == 403
    assert (await served.post("/api/v1/accounts/none/doctor")).status_code == 404
    assert (await served.get("/api/v1/accounts/none/doctor")).status_code == 404


async def test_one_worker_has_a_run_until_its_lease_ends_and_then_writes_nothing(
    store: DoctorRunStore, engine: AsyncEngine
) -> None:
    await store.ask("doc_1", "main")
    assert await store.claim(["other"], worker="w", lease=300.0) is None
    first = await claimed(store)
    assert await store.claim(["main"], worker="x", lease=300.0) is None
    await lapse(engine)
    second = await claimed(store)
    assert (second.id, second.attempt) == ("doc_1", first.attempt + 1)
    assert not await store.finish(first, [ok("late", "x")])
    assert await store.finish(second, [ok("in time", "x")])
    (run,) = await store.runs("main")
    assert (run["state"], [one["check"] for one in run["findings"]]) == ("done", ["in time"])


async def test_a_run_whose_workers_end_again_and_again_is_given_up(store: DoctorRunStore, engine: AsyncEngine) -> None:
    await store.ask("doc_1", "main")
    for _ in range(MOST_ATTEMPTS):
        await claimed(store)
        await lapse(engine)
    assert await store.claim(["main"], worker="w", lease=300.0) is None
    (run,) = await store.runs("main")
    assert (run["state"], run["findings"], "workers ended" in run["detail"]) == ("done", [], True)


async def test_the_last_runs_of_each_account_are_kept(store: DoctorRunStore) -> None:
    for number in range(RUNS_KEPT + 2):
        for account in ("main", "emea"):
            await store.ask(f"doc_{account}_{number}", account)
            await store.finish(await claimed(store, account), [])
    await store.ask("doc_main_9", "main")
    kept = [run["id"] for run in await store.runs("main")]
    assert kept == [f"doc_main_{number}" for number in (9, 6, 5, 4, 3, 2)]
    assert len(await store.runs("emea")) == RUNS_KEPT
