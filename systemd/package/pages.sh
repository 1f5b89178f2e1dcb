#!/bin/sh
# Man pages, completions and the commented configuration, as the programs write them.
#
# usage: pages.sh REDFLAG REDFLAGD DIRECTORY   DIRECTORY/{man,bash-completion,zsh,fish}, laid out as below share/, and redflag.yaml
set -eu
redflag=$1 redflagd=$2 out=$3
umask 022
rm -rf "$out"
mkdir -p "$out/man/man1" "$out/man/man5" "$out/man/man8" "$out/bash-completion/completions" "$out/zsh/vendor-completions" \
  "$out/fish/vendor_completions.d"

"$redflag" --man-pages "$out/man/man1"
"$redflagd" --man >"$out/man/man8/redflagd.8"
"$redflagd" --config-man >"$out/man/man5/redflag.yaml.5"
gzip -9n "$out"/man/man*/*

"$redflag" completion bash >"$out/bash-completion/completions/redflag"
ln -s redflag "$out/bash-completion/completions/redflagd"
"$redflag" completion zsh >"$out/zsh/vendor-completions/_redflag"
"$redflag" completion fish >"$out/fish/vendor_completions.d/redflag.fish"
ln -s redflag.fish "$out/fish/vendor_completions.d/redflagd.fish"

"$redflagd" --example-config >"$out/redflag.yaml"
