#!/usr/bin/env bash
# As root: Debian's RabbitMQ, the library that the packaged mongod needs, the one that lets a process see another
# time, and Chromium with fonts for every script of the pages. RabbitMQ's own system service stays off; the project
# starts private nodes.
set -euo pipefail

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

command -v apt-get >/dev/null ||
  fail "RabbitMQ is missing and there is no apt-get: install RabbitMQ 3.10 or later below /usr/lib/rabbitmq yourself."

policy=/usr/sbin/policy-rc.d
kept=$(mktemp -d)
restore() {
  rm -f "$policy"
  [[ ! -e $kept/policy-rc.d ]] || mv "$kept/policy-rc.d" "$policy"
  rm -rf "$kept"
}
trap restore EXIT
[[ ! -e $policy ]] || mv "$policy" "$kept/policy-rc.d"
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "Installing RabbitMQ and Chromium (Debian's packages) …"
export DEBIAN_FRONTEND=noninteractive
quietly() {
  "$@" >"$kept/log" 2>&1 || {
    tail -5 "$kept/log" >&2
    return 1
  }
}
quietly apt-get update -q || fail "apt-get reaches no package mirror: check /etc/apt/sources.list and the network."
had_service=$(compgen -G '/lib/systemd/system/rabbitmq-server.service' || true)
quietly apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 rabbitmq-server libcurl4 libfaketime \
  chromium fonts-noto-core ||
  fail "apt-get could not install its packages: see the message above."
# Not at the next boot either, unless it was somebody's service before.
[[ -n $had_service ]] || ! command -v systemctl >/dev/null ||
  systemctl disable --quiet rabbitmq-server.service >/dev/null 2>&1 || true
