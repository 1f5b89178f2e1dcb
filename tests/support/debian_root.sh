# shellcheck shell=bash
# (sourced by the campaigns of packages and archive) Debian roots by debootstrap, kept in build/roots, copied for each use
#
# kept_root RELEASE [PACKAGES]   makes build/roots/RELEASE when it is not there
# fresh_copy RELEASE             copies it; $root is the copy, removed at exit (KEEP_ROOT=1 keeps it)
# inside COMMAND…                runs it in the copy with a clean environment
# boot_and_check SCRIPT MATCH    boots the copy, runs tests/support/SCRIPT in it and prints its table
[ "$(id -u)" -eq 0 ] || { echo "this campaign makes a root with debootstrap: run it as root" >&2; exit 2; }

kept_root() {
  local release=$1 packages=${2:-}
  [ ! -d "build/roots/$release" ] || return 0
  command -v debootstrap >/dev/null || ./dev setup debootstrap
  mkdir -p build/roots
  rm -rf "build/roots/$release.part"
  echo "debootstrap $release (once; kept in build/roots)"
  debootstrap --variant=minbase ${packages:+--include="$packages"} "$release" "build/roots/$release.part" \
    "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"build/roots/$release.log" 2>&1 || { tail "build/roots/$release.log"; exit 1; }
  mv "build/roots/$release.part" "build/roots/$release"
}

remove_copy() {
  umount -l "$root/proc" 2>/dev/null || true
  umount -R -l "$root/dev" 2>/dev/null || true
  [ "${KEEP_ROOT:-}" = 1 ] || rm -rf --one-file-system --preserve-root "$root"
}

fresh_copy() {
  root=$(mktemp -d "${TMPDIR:-/var/tmp}/redflag-$1-XXXXXX")
  trap remove_copy EXIT
  cp -a --reflink=auto "build/roots/$1/." "$root/"
  chmod 0755 "$root"
  [ ! -f /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L /etc/hosts "$root/etc/hosts"
  # The machine's own way to its mirror (a proxy, say) holds in the root as well.
  find /etc/apt/apt.conf.d -maxdepth 1 -name '*proxy*' -exec cp -t "$root/etc/apt/apt.conf.d/" {} + 2>/dev/null || true
}

with_proc_and_dev() {
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --make-rslave "$root/dev"
}

without_proc_and_dev() {
  umount -l "$root/proc"
  umount -R -l "$root/dev"
}

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# SCRIPT runs as a unit of the booted system; its table comes back as a file. When a row failed, what the journal holds for MATCH is
# shown, and the exit code is 1.
boot_and_check() {
  local script=$1 match=$2 code=133
  command -v systemd-nspawn >/dev/null || ./dev setup systemd-container
  install -D -m 0755 "tests/support/$script" "$root/usr/local/bin/booted-checks"
  install -D -m 0644 tests/support/booted.sh "$root/usr/local/lib/booted.sh"
  cat >"$root/etc/systemd/system/booted-checks.service" <<'UNIT'
[Unit]
After=multi-user.target redflag.service
[Service]
Type=oneshot
ExecStart=/usr/local/bin/booted-checks
# Nothing is to be waited for after checks that came to no end.
ExecStopPost=/bin/sh -c '[ "$SERVICE_RESULT" = success ] || systemctl --no-block poweroff'
StandardOutput=journal
TimeoutStartSec=600
[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/var/checks" "$root/var/log/journal"
  ln -sfn ../booted-checks.service "$root/etc/systemd/system/multi-user.target.wants/booted-checks.service"
  # With --keep-unit a reboot is left to the caller, who is told by 133.
  while [ $code -eq 133 ]; do
    code=0
    timeout 900 systemd-nspawn -q -b --register=no --keep-unit --console=read-only -D "$root" >>"$root.boot" 2>&1 </dev/null || code=$?
  done
  sed 's/\r$//; s/\x1b\[[0-9;?]*[a-zA-Z]//g' "$root.boot" | grep -E 'redflag.service|multi-user|Failed to start' | sed -n 's/^/  boot: /; 1,3p' || true
  rm -f "$root.boot"
  cat "$root/var/checks/table" 2>/dev/null || { echo "the checks did not run"; journalctl -D "$root/var/log/journal" -n 60 --no-pager; return 1; }
  grep -q '^0 failed' "$root/var/checks/table" || {
    journalctl -D "$root/var/log/journal" "$match" -n 80 --no-pager | sed 's/^/  journal: /'
    return 1
  }
}

# row WHAT COMMAND…: one line of the table; the command's output is shown when it fails.
failures=0
row() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf '  %-74s ok\n' "$what"
  else
    printf '  %-74s FAILED\n%s\n' "$what" "$(sed 's/^/      /' <<<"$output" | tail -n 15)"
    failures=$((failures + 1))
  fi
}

finish() {
  echo "$failures failed"
  [ "$failures" -eq 0 ]
}
