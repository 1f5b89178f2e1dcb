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

# The checks run inside, as a unit of the booted system; the table comes back as a file.
install -D -m 0755 tests/support/booted_checks.sh "$root/usr/local/bin/booted-checks"
cat >"$root/etc/systemd/system/booted-checks.service" <<'UNIT'
[Unit]
After=multi-user.target redflag.service
[Service]
Type=oneshot
ExecStart=/usr/local/bin/booted-checks
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=journal
TimeoutStartSec=600
[Install]
WantedBy=multi-user.target
UNIT
ln -s ../booted-checks.service "$root/etc/systemd/system/multi-user.target.wants/booted-checks.service" 2>/dev/null ||
  ln -s /etc/systemd/system/booted-checks.service "$root/etc/systemd/system/multi-user.target.wants/booted-checks.service"
mkdir -p "$root/var/checks" "$root/var/log/journal"

timeout 900 systemd-nspawn -q -b --register=no --keep-unit --console=read-only -D "$root" >"$root.boot" 2>&1 </dev/null || true
sed 's/\r$//; s/\x1b\[[0-9;?]*[a-zA-Z]//g' "$root.boot" | grep -E 'redflag|multi-user|Failed to start' | sed -n 's/^/  boot: /; 1,3p'
rm -f "$root.boot"
cat "$root/var/checks/table" 2>/dev/null || { echo "the checks did not run"; journalctl -D "$root/var/log/journal" -n 60 --no-pager; exit 1; }
grep -q '^0 failed' "$root/var/checks/table" || {
  journalctl -D "$root/var/log/journal" -u redflag -n 80 --no-pager | sed 's/^/  journal: /'
  exit 1
}
