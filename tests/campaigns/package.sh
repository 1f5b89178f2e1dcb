#!/usr/bin/env bash
# the .deb in a fresh Debian 12: lintian, install, upgrade with a changed conffile, remove, purge; the unit's security score
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/debian_root.sh
compgen -G 'build/package/redflag_*.deb' >/dev/null || ./dev package
command -v lintian >/dev/null || ./dev setup lintian
deb=$(ls build/package/redflag_*.deb)

mkdir -p build/campaigns
echo "lintian"
for package in build/package/*.deb; do
  lintian "$package" 2>/dev/null | tee build/campaigns/lintian.txt | sed 's/^/  /' || true
  ! grep -q '^E:' build/campaigns/lintian.txt || failures=$((failures + 1))
  echo "  $(basename "$package"): $(grep -c '^E:' build/campaigns/lintian.txt || true) errors, $(grep -c '^W:' build/campaigns/lintian.txt || true) warnings"
done

echo "systemd-analyze security --offline=true (lower is better; the aim is 1.5)"
score() { # score NAME DROP-INS…
  local name=$1 dir result
  shift
  dir=$(mktemp -d)
  mkdir "$dir/redflag.service.d"
  cp systemd/redflag.service "$dir"
  [ $# -eq 0 ] || cp "$@" "$dir/redflag.service.d"
  result=$(systemd-analyze security --offline=true --no-pager "$dir/redflag.service" 2>&1 | sed -n 's/.*level for .*: \([0-9.]*\) .*/\1/p')
  rm -r "$dir"
  printf '  %-30s %s\n' "$name" "$result"
  awk -v r="$result" 'BEGIN { exit !(r != "" && r <= 1.5) }' || failures=$((failures + 1))
}
score "as shipped"
for drop_in in systemd/redflag.service.d/*.conf; do score "with $(basename "$drop_in")" "$drop_in"; done
score "with all of them" systemd/redflag.service.d/*.conf

kept_root bookworm systemd,systemd-sysv,dbus,init-system-helpers
fresh_copy bookworm
with_proc_and_dev
mkdir "$root/debs"
cp "$deb" "$root/debs/redflag_1.deb"
# Two later versions: the same configuration, then another.
later() { # later NUMBER [LINE FOR THE CONFFILE]
  local tree
  tree=$(mktemp -d)
  dpkg-deb -R "$deb" "$tree"
  sed -i "s/^Version: .*/&+$1/" "$tree/DEBIAN/control"
  [ -z "${2:-}" ] || echo "$2" >>"$tree/etc/redflag/redflag.yaml"
  dpkg-deb -b --root-owner-group "$tree" "$root/debs/redflag_$1.deb" >/dev/null
  rm -r "$tree"
}
later 2
later 3 "# a line of the next version"
apt_install() { inside apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends "$1"; }
everything() { (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./debs -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./tmp \) -prune -o -print | sort); }

echo "install"
inside apt-get update -qq
# What redflag needs comes first, so that what it leaves behind can be told from what its libraries are.
# shellcheck disable=SC2046  # package names are words
inside apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends $(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/([^)]*)//') >/dev/null 2>&1
everything >build/campaigns/before.txt
row "apt-get install ./redflag.deb" apt_install /debs/redflag_1.deb
everything >build/campaigns/after.txt
row "programs where they belong, owned by root" inside bash -c 'set -e; for f in bin/redflagd bin/redflag libexec/redflag/redflag-inspect; do [ "$(stat -c %a:%U /usr/$f)" = 755:root ]; done'
row "unit enabled for the next boot" inside test -L /etc/systemd/system/multi-user.target.wants/redflag.service
inside apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends man-db bash-completion >/dev/null 2>&1
row "systemd-analyze verify of the installed unit prints nothing" inside bash -c '[ -z "$(systemd-analyze verify redflag.service 2>&1 | tee /dev/stderr)" ]'
verify_with_drop_ins() {
  inside bash -c 'useradd -m alice; groupadd ml; mkdir -p /etc/systemd/system/redflag.service.d
    cp /usr/share/doc/redflag/examples/redflag.service.d/*.conf /etc/systemd/system/redflag.service.d/
    systemd-analyze verify redflag.service 2>&1 | tee /root/verify
    rm -r /etc/systemd/system/redflag.service.d; userdel -r alice 2>/dev/null; groupdel ml; [ ! -s /root/verify ]'
}
row "systemd-analyze verify with every drop-in prints nothing" verify_with_drop_ins
row "redflagd --check-config takes the configuration as installed" inside redflagd --check-config
row "redflag finds redflagd, and that its reader: the demo goes as promised" inside redflag demo --seconds 5
row "redflag-inspect proves its sandbox" inside /usr/libexec/redflag/redflag-inspect --self-test
row "man redflag, redflag-rules-check, redflagd, redflag.yaml" inside bash -c 'set -e; for p in redflag redflag-rules-check redflagd redflag.yaml; do man -w $p; done'
row "bash completes from the installed script" inside bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader redflag; complete -p redflag | grep _redflag'

echo "upgrade"
keep_changes() {
  set -e
  echo 'log: {level: debug}' >>"$root/etc/redflag/redflag.yaml"
  mkdir -p "$root/etc/redflag/rules.d" "$root/var/lib/private/redflag"
  echo secret >"$root/etc/redflag/wandb_api_key"
  echo 'rules: []' >"$root/etc/redflag/rules.d/mine.yaml"
  echo state >"$root/var/lib/private/redflag/redflag.db"
  ln -sfn private/redflag "$root/var/lib/redflag"
  apt_install /debs/redflag_2.deb
  grep -q 'level: debug' "$root/etc/redflag/redflag.yaml"
}
row "a changed configuration is kept, without a question" keep_changes
changed_twice() {
  set -e
  inside apt-get -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef install -y -qq /debs/redflag_3.deb </dev/null
  grep -q 'level: debug' "$root/etc/redflag/redflag.yaml"
  grep -q 'next version' "$root/etc/redflag/redflag.yaml.dpkg-dist"
}
row "changed by both: the person's is kept, the package's lies beside it" changed_twice
row "state and unit survive the upgrades" inside bash -c 'test -f /var/lib/redflag/redflag.db && test -L /etc/systemd/system/multi-user.target.wants/redflag.service'
stays_disabled() {
  set -e
  inside systemctl disable redflag
  inside apt-get -o Dpkg::Use-Pty=0 install -y -qq --reinstall /debs/redflag_3.deb </dev/null
  [ ! -e "$root/etc/systemd/system/multi-user.target.wants/redflag.service" ]
}
row "disabled by the administrator stays disabled" stays_disabled

echo "remove and purge"
removed() {
  set -e
  inside apt-get -o Dpkg::Use-Pty=0 remove -y -qq redflag
  [ ! -e "$root/usr/bin/redflagd" ] && [ ! -e "$root/lib/systemd/system/redflag.service" ]
  [ -f "$root/etc/redflag/redflag.yaml" ] && [ -f "$root/var/lib/redflag/redflag.db" ]
}
row "removed: programs and unit gone, configuration and state kept" removed
purged() {
  set -e
  inside apt-get -o Dpkg::Use-Pty=0 purge -y -qq redflag
  [ ! -e "$root/etc/redflag/redflag.yaml" ] && [ ! -e "$root/var/lib/redflag" ] && [ ! -e "$root/var/lib/private/redflag" ]
  [ "$(cat "$root/etc/redflag/wandb_api_key")" = secret ] && [ -f "$root/etc/redflag/rules.d/mine.yaml" ]
  ! inside dpkg -s redflag
}
row "purged: configuration and state gone, the person's own files kept" purged
nothing_left() {
  rm -rf "$root/etc/redflag" "$root/var/lib/private"
  everything | comm -13 build/campaigns/before.txt - | comm -12 - build/campaigns/after.txt >build/campaigns/left.txt
  cat build/campaigns/left.txt
  [ ! -s build/campaigns/left.txt ]
}
row "nothing else of it is left" nothing_left
finish
