#!/bin/sh
# Install the locked requirements named in $1 into .venv: with uv where it works, else with venv and pip.
# The project itself is not installed: `python -m app` runs from the repository.
set -eu
cd "$(dirname "$0")/.."
requirements=$1
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

fail() {
    echo "install: $1" >&2
    exit 1
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c "$new_enough" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and none of python3.13, python3.12, python3.11, python3 is one; install it"
}

has_uv() {
    uv --version >/dev/null 2>&1
}

make_environment() {
    # An environment of an old Python, or one whose Python has gone, is of no use.
    if .venv/bin/python -c "$new_enough" 2>/dev/null; then
        return
    fi
    python=$(find_python)
    rm -rf .venv
    if has_uv; then
        uv venv --quiet --python "$(command -v "$python")" .venv
    else
        "$python" -m venv .venv || fail "$python has no working venv module; install it (Debian: python3-venv), or uv"
    fi
}

make_environment
if has_uv; then
    uv pip install --quiet --python .venv/bin/python --require-hashes -r "$requirements"
else
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
fi

if [ "$requirements" = requirements-dev.txt ]; then
    sh deploy/chromium.sh
fi
