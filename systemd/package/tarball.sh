#!/usr/bin/env bash
# The portable archive: static programs, pages, completions, a unit for `systemctl --user`; unpack and run, no root.
#
# usage: tarball.sh BUILD OUT      BUILD: a tree of the preset `static`; OUT: the folder that gets redflag-VERSION-linux-x86_64.tar.gz
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=$1 out=$2
version=$("$build/bin/redflagd" --version | cut -d' ' -f2)
name=redflag-$version-linux-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

for program in redflag redflagd redflag-inspect; do
  # A shared library would make the promise on the label untrue.
  if readelf -d "$build/bin/$program" | grep -q NEEDED; then
    echo "tarball.sh: $program is not static" >&2
    exit 1
  fi
  install -D "$build/bin/$program" "$work/$name/$program"
  strip "$work/$name/$program"
done
"$here/pages.sh" "$build/bin/redflag" "$build/bin/redflagd" "$work/pages"
mv "$work/pages/man" "$work/$name/man"
mkdir "$work/$name/completion"
mv "$work/pages/bash-completion/completions" "$work/$name/completion/bash"
mv "$work/pages/zsh/vendor-completions" "$work/$name/completion/zsh"
mv "$work/pages/fish/vendor_completions.d" "$work/$name/completion/fish"
mv "$work/pages/redflag.yaml" "$work/$name/redflag.yaml.example"
sed "s/@VERSION@/$version/" "$here/README.tarball" >"$work/$name/README"
cp "$source/LICENSE" "$source/systemd/redflag-user.service" "$work/$name/"
# What is linked in has licences of its own.
mkdir "$work/$name/licenses"
for package in libc6 libstdc++6 libssl3 libsqlite3-0 libyaml-cpp0.7 zlib1g libseccomp2 libfmt9 libspdlog1.10 nlohmann-json3-dev libexpected-dev \
  libboost1.81-dev; do
  [ ! -f "/usr/share/doc/$package/copyright" ] || cp -L "/usr/share/doc/$package/copyright" "$work/$name/licenses/$package"
done

mkdir -p "$out"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$(date +%s)}" -c "$name" | gzip -9n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
