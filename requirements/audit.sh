#!/usr/bin/env bash
# Asks the Python Packaging Advisory Database about every locked package. Needs a network that reaches it: the tool
# comes from the package index, what it asks from the index's own JSON pages (or OSV: `--vulnerability-service osv`).
# Strict: a package that nobody could say anything about counts as a fault, else an offline run would look clean.
set -euo pipefail
cd "$(dirname "$0")"

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check pip-audit
for lock in *.txt; do
  echo "$lock"
  "$tools/bin/pip-audit" --strict --progress-spinner off --disable-pip --require-hashes --requirement "$lock" "$@"
done
