#!/usr/bin/env bash
# the .deb under a booted systemd: ready, credentials, reload, kill -9, watchdog, stop, results below a home of mode 0750
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/debian_root.sh
compgen -G 'build/package/redflag_*.deb' >/dev/null || ./dev package
command -v systemd-nspawn >/dev/null || ./dev setup systemd-container
kept_root bookworm systemd,systemd-sysv,dbus,init-system-helpers
fresh_copy bookworm
with_proc_and_dev
mkdir "$root/debs"
cp build/package/redflag_*.deb "$root/debs/"
inside apt-get update -qq
inside bash -c 'apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends acl /debs/redflag_*.deb' >"$root/var/log/install.log" 2>&1 || { tail "$root/var/log/install.log"; exit 1; }
without_proc_and_dev

boot_and_check booted_checks.sh _SYSTEMD_UNIT=redflag.service
