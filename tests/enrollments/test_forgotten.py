"""Nothing of a forgotten person goes to HubSpot: the step before a request looks once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.people.forget import BY_CLI, Forgetter
from app.people.forget_store import ForgetStore

if TYPE_CHECKING:
    from tests.support.road import Road

ADDRESS = "ada@corp.example"


def forgetter(road: Road) -> Forgetter:
    return Forgetter(ForgetStore(road.engine), new_id=lambda prefix: f"{prefix}_1", hash_email=lambda _: "h")


async def test_a_person_who_is_forgotten_before_the_request_is_not_enrolled(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1", ADDRESS))

    async def forget() -> None:
        await forgetter(road).begin(ADDRESS, by=BY_CLI)

    road.meanwhile.append(forget)
    assert await road.enroll() == ("refused", "forgotten")
    assert [call.route for call in road.calls if "sequences" in call.route] == []
    assert await forgetter(road).work() is None
    assert await road.run("SELECT email, contact_id FROM enrollments") == [("forgotten", None)]


async def test_a_person_who_is_forgotten_before_the_claim_is_cancelled(road: Road, make_entry: Any) -> None:
    await road.accept(make_entry("e1", ADDRESS))
    await forgetter(road).begin(ADDRESS, by=BY_CLI)
    assert await road.enrollments.claim_ready(10) == []
    assert await road.state() == ("cancelled", "forgotten")


async def test_a_row_that_a_backup_brought_back_is_refused(road: Road, make_entry: Any) -> None:
    begun = await forgetter(road).begin(ADDRESS, by=BY_CLI)
    assert await forgetter(road).finish(begun.id)
    await road.accept(make_entry("e1", "bob@corp.example"))
    await road.run(f"UPDATE enrollments SET email = '{ADDRESS}'")  # noqa: S608  # ours
    assert await road.enroll() == ("refused", "forgotten")
