"""`segue console` prints where the console is, and links that sign one browser in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.audit.store import AuditFilters, AuditStore
from app.clock import utc_now
from app.console.signin.links import base_url, person_of
from app.console.signin.store import SignInStore
from app.operators import Role
from tests.support.commands import run

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def test_it_prints_where_the_console_is() -> None:
    assert run("console", SEGUE_PORT="8099").stdout == "http://127.0.0.1:8099/admin\n"
    apart = {"SEGUE_HOST": "0.0.0.0", "SEGUE_ADMIN_PORT": "9000", "SEGUE_PUBLIC_URL": "https://hooks.acme.example"}  # noqa: S104  # a setting
    assert run("console", **apart).stdout == "http://127.0.0.1:9000/admin\n"
    named = {"SEGUE_CONSOLE_URL": "https://segue.acme.example/"}
    assert run("console", **named).stdout == "https://segue.acme.example/admin\n"


async def test_a_link_signs_in_who_it_names(database_url: str, engine: AsyncEngine) -> None:
    arguments = ("console", "--link", "--role", "viewer", "--name", "marta")
    result = await asyncio.to_thread(lambda: run(*arguments, SEGUE_DATABASE_URL=database_url))
    url = result.stdout.strip()
    assert url.startswith("http://127.0.0.1:8080/admin/link?link=")
    person = await person_of(SignInStore(engine), url.partition("link=")[2], utc_now())
    assert person is not None
    assert (person.who, person.role) == ("link:marta", Role.VIEWER)
    (row,) = await AuditStore(engine).page(AuditFilters())
    assert (row["who"], row["what"], row["target"]) == ("cli", "segue console", "link:marta")
    assert url.partition("link=")[2] not in str(row)


def test_a_link_of_no_name_is_not_made() -> None:
    assert "--name" in str(run("console", "--link", "--name", "Marta M.").exception)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")],  # noqa: S104  # a case
)
def test_the_address_is_one_that_a_browser_can_call(host: str, shown: str) -> None:
    assert base_url(None, host, 8080) == f"http://{shown}:8080"
