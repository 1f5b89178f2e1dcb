#!/usr/bin/env bash
# Two types of one name in one namespace, in headers that may meet in one program, are one to the linker: whichever
# destructor it keeps runs for both. The compiler sees nothing of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
twice=$(git ls-files --cached --others --exclude-standard -- 'rules/*.h' 'alerts/*.h' 'daemon/*.h' | while read -r file; do
  [ -f "$file" ] || continue
  awk -v file="$file" '
    /^namespace redflag[a-z_:]* \{/ {space = $2}
    /^(struct|class) [A-Za-z0-9_]+( final)?( :.*)? \{/ {print space "::" $2 " " file}' "$file"
done | sort -u | awk '{if ($1 == last) print $1 ": " place " and " $2; last = $1; place = $2}')
if [ -n "$twice" ]; then
  printf 'names: two types of one name:\n%s\n' "$twice" >&2
  exit 1
fi
echo "names: ok" >&2
