#!/usr/bin/env bash
# the portable archive under a booted `systemctl --user`: its README's lines, ready, reload, kill -9, watchdog, upgrade, logout, reboot
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/debian_root.sh
compgen -G 'build/package/redflag-*.tar.gz' >/dev/null || ./dev package
kept_root bookworm systemd,systemd-sysv,dbus,init-system-helpers
fresh_copy bookworm
with_proc_and_dev
mkdir "$root/debs"
cp build/package/redflag-*.tar.gz "$root/debs/"
inside apt-get update -qq
# Every Debian that people log in to has the first; a minimal root has not. polkit is installed later, by the checks.
inside bash -c 'apt-get -o Dpkg::Use-Pty=0 install -y -qq libpam-systemd procps && apt-get install -y -qq --download-only polkitd' >"$root/var/log/install.log" 2>&1 || { tail "$root/var/log/install.log"; exit 1; }
without_proc_and_dev

boot_and_check booted_user_checks.sh _SYSTEMD_USER_UNIT=redflag.service
