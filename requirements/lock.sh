#!/usr/bin/env bash
# Resolves requirements/*.in again. Pins that still fit stay; `--upgrade` takes the newest of all.
# dev.txt holds everything and comes first, so that every service's lock agrees with what the tests ran on.
set -euo pipefail
cd "$(dirname "$0")"

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check uv

lock() {
  "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header "$@"
}
lock dev.in --output-file dev.txt "$@"
# `mail` is the mail catcher's image.
for service in booking notification reporting mail; do
  lock "$service.in" --constraints dev.txt --output-file "$service.txt" "$@"
done
