"""Where SQL stands, and who opens connections: by the names of modules, which import-linter's patterns cannot say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
# The settings read a database URL as SQLAlchemy does; two commands send what a webhook's sender sends.
STORES = re.compile(r"database/.+|(?!sandbox/).+/(\w+_)?(store|statements)\.py|settings\.py")
CLIENTS = re.compile(
    r"sandbox/.+|.+/(\w+_)?client\.py|hubspot/(answer|connections|http11|requests)\.py|outbound/transport\.py|tls\.py|cli/(demo|send_sample)\.py"
)
TOKENS = re.compile(r"console/signin/oidc\.py")
HELD = {"sqlalchemy": STORES, "asyncpg": STORES, "alembic": STORES, "httpx": CLIENTS, "joserfc": TOKENS}


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports when it runs; imports for annotations alone open and ask nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set[str]()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        for one in ast.walk(node):
            if isinstance(one, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in one.names}
            elif isinstance(one, ast.ImportFrom) and one.module:
                names.add(one.module.partition(".")[0])
    return names


def test_sql_is_in_stores_and_connections_are_opened_by_clients() -> None:
    strangers = [
        f"{path.relative_to(APP)} imports {name}"
        for path in sorted(APP.rglob("*.py"))
        for name in sorted(imported(path) & HELD.keys())
        if not HELD[name].fullmatch(path.relative_to(APP).as_posix())
    ]
    assert strangers == []
