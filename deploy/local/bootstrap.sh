#!/usr/bin/env bash
# Makes .venv from the lock and sees to RabbitMQ, mongod and Chromium. Where nothing has changed it returns at once.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

python=${PYTHON:-python3}
venv=.venv
stamp=$venv/.made-from

wanted() {
  sha256sum requirements/dev.txt pyproject.toml
  "$venv/bin/python" --version
}

make_venv() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or later is needed, and '$python' is not that: set PYTHON, for example 'make setup PYTHON=python3.13'."
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python's venv module is missing: install it with 'apt-get install python3-venv', then try again."
  "$venv/bin/python" -c '' 2>/dev/null || {
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "The virtual environment $venv could not be made: see the message above."
  }
  echo "Installing the locked packages into $venv …"
  "$venv/bin/pip" install --quiet --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r requirements/dev.txt ||
    fail "The packages could not be installed. Is a package index reachable? 'pip config list' shows which one pip asks."
  "$venv/bin/pip" install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ||
    fail "The project itself could not be put into $venv: see the message above."
}

servers_there() {
  [[ -n $(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server') ]] &&
    "$("$venv/bin/python" -c 'from deploy.local.servers import find_mongod; print(find_mongod())')" --version \
      >/dev/null 2>&1
}

# The proof sets processes' clocks wrong with it; where it is missing, the proof says so and goes on.
faketime_there() {
  [[ -n $(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') ]]
}

# The tests look at the pages in a real browser, in every script that citizens read, and at the production proxy.
tests_servers_there() {
  command -v chromium >/dev/null && [[ -d /usr/share/fonts/truetype/noto ]] && [[ -x /usr/sbin/nginx ]]
}

install_servers() {
  if [[ $(id -u) == 0 ]]; then
    bash deploy/local/install-servers.sh
  elif sudo -n true 2>/dev/null; then
    sudo -n bash deploy/local/install-servers.sh
  elif ! servers_there; then
    fail "RabbitMQ or a library of mongod is missing, and installing needs root: run 'make setup' once as root," \
      "or install them yourself with 'apt-get install rabbitmq-server libcurl4'."
  fi
}

[[ -x $venv/bin/python && $(wanted) == "$(cat "$stamp" 2>/dev/null)" ]] || {
  make_venv
  wanted >"$stamp"
}
{ servers_there && faketime_there && tests_servers_there; } || {
  install_servers
  servers_there || fail "mongod or RabbitMQ still does not start: run '$venv/bin/python -m deploy.local up' to see why."
}
