"""Look for secrets in what git knows or would add, with detect-secrets and the known ones of `.secrets.baseline`.

Exit code 0: no new one; 1: a new one, or trouble; 3: NOT RUN, for this is no checkout. A file is looked at once: the
hashes of clean ones are kept in `.secrets_cache`. Its finders know the shape of providers' keys. The ones that call any
long word a secret are off in the baseline: samples of signed deliveries are full of such words.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

NOT_RUN = 3
BASELINE, CACHE = Path(".secrets.baseline"), Path(".secrets_cache")
BASELINE_MOVED = 3  # the tool's code for: known ones stand in other lines now, and it has written that down
LOCKS = "requirements"  # hashes, and nothing else


def files() -> dict[str, str] | None:
    """Return each file with the hash of its content, None where git does not know this folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    names = [name for name in listed.split("\0") if name and not name.startswith(LOCKS)]
    return {name: _hash(name) for name in names if Path(name).is_file() and Path(name) not in {BASELINE, CACHE}}


def _hash(name: str) -> str:
    # A known secret is known in its file alone, so the name counts.
    return hashlib.sha256(name.encode() + b"\0" + Path(name).read_bytes()).hexdigest()


def main() -> int:
    """Print one line, and return the exit code."""
    found = files()
    if found is None:
        print("secrets NOT RUN: git does not know this folder")  # noqa: T201  # a command's result
        return NOT_RUN
    clean = set(CACHE.read_text(encoding="utf-8").split()) if CACHE.exists() else set()
    unseen = [name for name, content in found.items() if content not in clean]
    if unseen:
        tool = [str(Path(sys.executable).with_name("detect-secrets-hook")), "--baseline", str(BASELINE), "--no-verify"]
        ended = subprocess.run([*tool, *unseen], check=False)  # noqa: S603  # our own tool
        if ended.returncode not in {0, BASELINE_MOVED}:
            print("secrets FOUND, or the scan failed: see above")  # noqa: T201  # a command's result
            return 1
    CACHE.write_text("\n".join(sorted(found.values())), encoding="utf-8")
    print(f"secrets: no new one in {len(found)} files ({len(unseen)} not seen before)")  # noqa: T201  # as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
