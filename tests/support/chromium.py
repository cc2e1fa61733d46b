"""The Chromium of the browser tests: the one that is named, the system's, or Playwright's own.

Run as a module it prints the path, and exits with 1 where there is none.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MISSING = "there is no Chromium: install the package of your system, or name one by CHROMIUM=path"


def find_chromium() -> str | None:
    """Return the path of the browser, None where there is none. `CHROMIUM` names one, and then no other is used."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    found = (shutil.which(name) for name in (*NAMES, *APPLICATIONS))
    return next((path for path in found if path), None) or _of_playwright()


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # slow, and seldom needed

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    chromium = find_chromium()
    print(chromium or MISSING)  # noqa: T201  # a script
    sys.exit(chromium is None)
