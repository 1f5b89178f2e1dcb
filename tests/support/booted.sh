# shellcheck shell=bash
# (sourced by the checks that run inside a booted root; see boot_and_check in debian_root.sh) the table goes to /var/checks/table
#
# again     ends this boot; the checks run once more in the next, where $boot is 2
# finish    the table's last line, and the end
boot=1
[ ! -e /var/checks/booted ] || boot=2
if [ $boot -eq 1 ]; then
  exec >/var/checks/table 2>&1
  systemctl --version | head -n 1
  failures=0
else
  exec >>/var/checks/table 2>&1
  failures=$(cat /var/checks/booted)
fi

row() { # row WHAT COMMAND…
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf '  %-78s ok%s\n' "$what" "${output:+  ($(tail -n 1 <<<"$output"))}"
  else
    printf '  %-78s FAILED\n%s\n' "$what" "$(sed 's/^/      /' <<<"$output" | tail -n 12)"
    failures=$((failures + 1))
  fi
}

# until_true SECONDS COMMAND…: waits for it, at most so long.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "not within the time: $*"; return 1; }
    sleep 0.2
  done
}

again() {
  echo "$failures" >/var/checks/booted
  systemctl --no-block reboot
  exit
}

finish() {
  echo "$failures failed"
  systemctl --no-block poweroff
  exit
}
