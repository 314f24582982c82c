#!/usr/bin/env bash
# As root: Debian's RabbitMQ, the library that the packaged mongod needs, the one that lets a process see another
# time, nginx for the tests of the production proxy, and Chromium with fonts for every script of the pages. Their
# own system services stay off; the project starts private ones.
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

echo "Installing RabbitMQ, nginx and Chromium (Debian's packages) …"
export DEBIAN_FRONTEND=noninteractive
quietly() {
  "$@" >"$kept/log" 2>&1 || {
    tail -5 "$kept/log" >&2
    return 1
  }
}
quietly apt-get update -q || fail "apt-get reaches no package mirror: check /etc/apt/sources.list and the network."
had_services=()
for service in rabbitmq-server nginx; do
  [[ ! -e /lib/systemd/system/$service.service ]] || had_services+=("$service")
done
quietly apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 rabbitmq-server libcurl4 libfaketime \
  nginx-light chromium fonts-noto-core ||
  fail "apt-get could not install its packages: see the message above."
# Not at the next boot either, unless it was somebody's service before.
for service in rabbitmq-server nginx; do
  [[ " ${had_services[*]} " == *" $service "* ]] || ! command -v systemctl >/dev/null ||
    systemctl disable --quiet "$service.service" >/dev/null 2>&1 || true
done
