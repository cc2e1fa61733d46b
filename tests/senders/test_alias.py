"""An alias of a sender's inbox: from the rules file to HubSpot's request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import RulebookError
from app.rules.file.documents import Document
from app.rules.load import load
from tests.support.road import open_road

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.rules.rulebook import Rulebook
    from tests.conftest import MakeEntry

ALIAS = "anna@sales.acme.example"


def book(alias: str) -> Rulebook:
    text = f"""version: 1
accounts: {{main: {{token: pat-sandbox}}}}
senders:
  anna: {{user_id: "7001", email: anna@acme.example, alias: "{alias}"}}
"""
    return load((Document("rules.yaml", text),), environment={}, providers={})


async def test_the_alias_is_sent_and_the_journal_says_so(
    engine: AsyncEngine, sandbox_url: str, make_entry: MakeEntry
) -> None:
    async with open_road(engine, sandbox_url, book=book("Anna@Sales.ACME.example")) as road:
        await road.accept(make_entry("e1"))
        assert await road.enroll() == ("enrolled", None)
        (entry,) = await road.control("ledger")
        assert (entry["sender"], entry["alias"]) == ("anna@acme.example", ALIAS)
        ((detail,),) = await road.run("SELECT detail FROM journal WHERE cause = 'sending'")
        assert detail == f"as anna (user 7001) by the alias {ALIAS}"
        assert await road.run("SELECT inbox FROM sender_reservations") == [("anna@acme.example",)]


async def test_the_alias_is_sent_again_with_a_request_whose_answer_was_lost(
    engine: AsyncEngine, sandbox_url: str, make_entry: MakeEntry
) -> None:
    async with open_road(engine, sandbox_url, book=book(ALIAS)) as road:
        await road.fault(kind="drop_before", times=1)
        await road.accept(make_entry("e1"))
        await road.enroll()
        for _ in range(3):
            await road.settle()
        assert await road.enroll() == ("enrolled", None)
        assert [entry["alias"] for entry in await road.control("ledger")] == [ALIAS, ALIAS]


async def test_an_alias_that_the_inbox_does_not_have_waits_for_a_person(
    engine: AsyncEngine, sandbox_url: str, make_entry: MakeEntry
) -> None:
    async with open_road(engine, sandbox_url, book=book("else@acme.example")) as road:
        await road.accept(make_entry("e1"))
        assert await road.enroll() == ("parked", "VALIDATION_ERROR")
        ((detail,),) = await road.run("SELECT detail FROM enrollments")
        assert "The sender alias address provided is invalid" in detail


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("sales", "rules.yaml:4:60: this is no usable e-mail address"),
        ("Anna@acme.example", "rules.yaml:4:60: this is the inbox itself: leave `alias` out"),
    ],
)
def test_an_alias_that_cannot_be_one_is_a_mistake(alias: str, message: str) -> None:
    with pytest.raises(RulebookError) as raised:
        book(alias)
    assert str(raised.value) == message
