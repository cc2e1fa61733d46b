#!/bin/sh
# Find a Chromium for the browser tests, or install one where that is allowed: as root by apt, else by Playwright.
# Where there is none in the end, one line says so: the installation goes on, and `make test` says what did not run.
#   CHROMIUM=path   use this one, and install nothing
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

found() {
    [ -n "${CHROMIUM:-}" ] || "$python" -m tests.support.chromium >/dev/null 2>&1
}

by_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium fonts-liberation
}

by_playwright() {
    "$python" -m playwright install chromium
}

found && exit 0
echo "chromium: installing one for the browser tests"
for way in by_apt by_playwright; do
    $way >/dev/null 2>&1 || continue
    found && exit 0
done
echo "chromium: none was found, and none could be installed; browser tests will not run (CHROMIUM=path names one)"
