#!/bin/sh
# The lock files, requirements.txt and requirements-dev.txt, from pyproject.toml.
#   lock.sh check   fail when they are not what pyproject.toml asks for
#   lock.sh write   write them anew
# Versions that still fit are kept: both start from the files as they are.
set -eu
cd "$(dirname "$0")/.."
action=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp requirements.txt requirements-dev.txt "$work"

compile() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        pyproject.toml "$@" --output-file "$work/$output" >/dev/null
}

compile requirements.txt
compile requirements-dev.txt --group dev --constraints "$work/requirements.txt"

for file in requirements.txt requirements-dev.txt; do
    if [ "$action" = write ]; then
        cp "$work/$file" "$file"
    elif ! cmp -s "$work/$file" "$file"; then
        echo "lock: $file is not what pyproject.toml asks for; run \`make lock\`" >&2
        exit 1
    fi
done
