#!/bin/sh
# The lock files from pyproject.toml: requirements.txt for the service, requirements-sbom.txt for the tool that lists what
# is in the image, requirements-dev.txt for development.
#   lock.sh check   fail when they are not what pyproject.toml asks for
#   lock.sh write   write them anew
#   lock.sh upgrade write them anew, with the newest versions that pyproject.toml allows
# Versions that still fit are kept by the first two, which start from the files as they are.
set -eu
cd "$(dirname "$0")/.."
action=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files="requirements.txt requirements-sbom.txt requirements-dev.txt"
for file in $files; do
    [ "$action" = upgrade ] || [ ! -f "$file" ] || cp "$file" "$work"
done

compile() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        "$@" --output-file "$work/$output" >/dev/null
}

compile requirements.txt pyproject.toml
compile requirements-sbom.txt --group sbom --constraints "$work/requirements.txt"
compile requirements-dev.txt pyproject.toml --group dev --constraints "$work/requirements.txt" \
    --constraints "$work/requirements-sbom.txt"

for file in $files; do
    if [ "$action" != check ]; then
        cp "$work/$file" "$file"
    elif ! cmp -s "$work/$file" "$file"; then
        echo "lock: $file is not what pyproject.toml asks for; run \`make lock\`" >&2
        exit 1
    fi
done
