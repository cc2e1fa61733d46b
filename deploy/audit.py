"""Look for published advisories about the packages of lock files: audit.py LOCK...

Exit code 0: every package was looked up, and none has one; 1: one has; 3: NOT RUN, or not for every package. The tool
(pip-audit) ends with 0 also where it could look up nothing, so that its report is counted here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

FOUND, NOT_RUN = 1, 3
TOOL = (
    *(sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"),
    *("--timeout", "10", "--format", "json"),
)


def judge(report: str) -> tuple[int, str]:
    """Return the exit code and the line for pip-audit's report, empty or no JSON where it ended early."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return NOT_RUN, "advisories NOT RUN: no database of advisories can be reached"
    hit = {one["name"]: [each["id"] for each in one["vulns"]] for one in packages if one.get("vulns")}
    if hit:
        return FOUND, "advisories FOUND: " + "; ".join(f"{name}: {', '.join(ids)}" for name, ids in hit.items())
    skipped = [one["name"] for one in packages if "vulns" not in one]
    if skipped or not packages:
        return NOT_RUN, f"advisories NOT RUN: {len(skipped)} of {len(packages)} packages could not be looked up"
    return 0, f"advisories: none for {len(packages)} packages"


def main(locks: list[str]) -> int:
    """Print the line, and return the exit code."""
    files = [part for lock in locks for part in ("-r", lock)]
    ended = subprocess.run([*TOOL, *files], check=False, capture_output=True, text=True)  # noqa: S603  # our own
    code, line = judge(ended.stdout)
    print(line)  # noqa: T201  # a command's result
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
