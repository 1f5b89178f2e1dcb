#!/usr/bin/env bash
# (shared by the debian12 and debian13 campaigns) clone into a minimal root, then ./dev run and ./dev test there
#
# usage: fresh_root.sh RELEASE   bookworm or trixie
# What is measured: minutes for each command, megabytes that ./dev installed. The root is built by debootstrap with git and
# certificates in it and no compiler, and removed at the end unless KEEP_ROOT=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
release=${1:?usage: fresh_root.sh bookworm|trixie}
[ "$(id -u)" -eq 0 ] || { echo "this campaign makes a root with debootstrap: run it as root" >&2; exit 2; }
command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null

root=$(mktemp -d "${TMPDIR:-/var/tmp}/redflag-$release-XXXXXX")
cleanup() {
  umount -l "$root/proc" 2>/dev/null || true
  umount -R -l "$root/dev" 2>/dev/null || true
  [ "${KEEP_ROOT:-}" = 1 ] || rm -rf --one-file-system --preserve-root "$root"
}
trap cleanup EXIT

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
echo "debootstrap $release"
debootstrap --variant=minbase --include=git,ca-certificates "$release" "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
[ -f /etc/resolv.conf ] && cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/hosts "$root/etc/hosts"
# The machine's own way to its mirror (a proxy, say) holds in the root as well.
find /etc/apt/apt.conf.d -maxdepth 1 -name '*proxy*' -exec cp -t "$root/etc/apt/apt.conf.d/" {} + 2>/dev/null || true

git clone -q --no-local . "$root/src"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb "$@"; }
megabytes() { du -sxm --exclude=proc --exclude=dev --exclude=src "$root" | cut -f1; }

before=$(megabytes)
minutes() { # minutes NAME COMMAND…
  local name=$1 start end
  shift
  start=$(date +%s)
  if ! inside bash -c "cd /src && $*" >"/tmp/redflag-$release-$name.log" 2>&1; then
    tail -n 40 "/tmp/redflag-$release-$name.log"
    echo "$release: $name FAILED (whole output: /tmp/redflag-$release-$name.log)"
    exit 1
  fi
  end=$(date +%s)
  awk -v n="$name" -v s=$((end - start)) -v r="$release" 'BEGIN { printf "%s: %s took %.1f min\n", r, n, s / 60 }'
}

minutes run ./dev run
tail -n 12 "/tmp/redflag-$release-run.log"
minutes test ./dev test
grep -E 'tests passed|tests failed|Total Test time' "/tmp/redflag-$release-test.log"
echo "$release: $(($(megabytes) - before)) MB installed and cached by ./dev, on a root of $before MB"
inside bash -c 'g++ --version | head -1; cmake --version | head -1'
