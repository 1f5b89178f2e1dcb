# shellcheck shell=bash
# (sourced by the package, systemd and tarball campaigns) Debian roots by debootstrap, kept in build/roots, copied for each use
#
# kept_root RELEASE [PACKAGES]   makes build/roots/RELEASE when it is not there
# fresh_copy RELEASE             copies it; $root is the copy, removed at exit (KEEP_ROOT=1 keeps it)
# inside COMMAND…                runs it in the copy with a clean environment
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
