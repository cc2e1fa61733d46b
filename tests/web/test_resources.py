"""A resource of the API is one module of `app.web.api`: it is found by being there, and closed to strangers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from app.web import api
from tests.support.service import running

if TYPE_CHECKING:
    from pathlib import Path

ADDED = """\
from app.web.api.common import resource


def routes(process):
    router = resource()

    @router.get("/practice")
    async def practice() -> dict[str, bool]:
        return {"practice": process.practice}

    return router
"""
NAME = f"{api.__name__}.zz_practice"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one more module of the package, and files that are no resources."""
    folder = tmp_path / "api"
    folder.mkdir()
    (folder / "zz_practice.py").write_text(ADDED)
    for name in ("_helpers", "zz_practice_models"):
        (folder / f"{name}.py").write_text("raise AssertionError('this module is no resource')\n")
    monkeypatch.setattr(api, "__path__", [*api.__path__, str(folder)])
    monkeypatch.setitem(sys.modules, NAME, None)  # so that the entry is as before when the test has ended
    monkeypatch.delitem(sys.modules, NAME)


@pytest.mark.usefixtures("added")
async def test_a_module_that_is_added_is_a_resource_for_operators_only(database_url: str, rules: Path) -> None:
    async with running(database_url, rules) as web:
        assert (await web.get("/api/v1/practice")).json() == {"practice": False}
        assert (await web.get("/api/v1/practice", misspelt="1")).status_code == 422
        assert (await web.client.get("/api/v1/practice")).status_code == 401
        assert "/api/v1/practice" in web.public.openapi()["paths"]
