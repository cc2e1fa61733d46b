"""The sandbox's page names every route, every handle and every setting that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from starlette.routing import Route

from app.sandbox.app import create_app
from app.sandbox.routes.table import routes
from app.sandbox.state.seed import WORKFLOWS
from app.sandbox.state.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def handles() -> list[str]:
    return re.findall(r"^\| `([A-Z]+ /_sandbox/\S+)` \|", PAGE, re.MULTILINE)


def test_every_route_of_hubspots_is_named() -> None:
    listed = routes(Settings(version="{version}"), create_app().state.accounts)
    oauth = ("/oauth/2026-03", "/oauth/2026-09", "/oauth/v3")
    lines = [f"| `{each.method} {each.path}` | {each.name} |" for each in listed if not each.path.startswith(oauth)]
    assert [line for line in PAGE.splitlines() if re.match(r"\| `[A-Z]+ /(?!_sandbox)", line)] == lines


def test_every_control_route_is_named() -> None:
    served = [route for route in create_app().routes if isinstance(route, Route)]
    there = [(one, route.path) for route in served for one in (route.methods or set()) - {"HEAD"}]
    named = [f"{method} {path}" for method, path in there if path.startswith("/_sandbox/")]
    assert sorted(handles()) == sorted(named)


def test_every_setting_is_named_with_its_default() -> None:
    lines = [
        f"| `{name}` | `{json.dumps(field.get_default(call_default_factory=True))}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert [line for line in PAGE.splitlines() if re.match(r"\| `[a-z]\w+` \| `", line)] == lines


def test_every_workflow_is_named_with_both_ids() -> None:
    assert all(f"| `{one.flow_id}` | `{one.legacy_id}` |" in PAGE for one in WORKFLOWS)
