#!/usr/bin/env bash
# the portable archive in Debian 11, as an ordinary user: unpack, demo, setup, name lookup; no library of ours, no root
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/debian_root.sh
compgen -G 'build/package/redflag-*.tar.gz' >/dev/null || ./dev package
archive=$(ls build/package/redflag-*.tar.gz)
kept_root bullseye ca-certificates
fresh_copy bullseye
with_proc_and_dev
inside useradd -m -s /bin/bash bob
tar -C "$root/home/bob" -xzf "$archive" --no-same-owner
mv "$root"/home/bob/redflag-* "$root/home/bob/redflag"
chown -R --reference="$root/home/bob" "$root/home/bob"
bob() { inside setpriv --reuid bob --regid bob --clear-groups env HOME=/home/bob bash -c "cd ~/redflag && $*"; }

echo "$(basename "$archive"): $(stat -c %s "$archive") bytes packed, $(du -sb "$root/home/bob/redflag" | cut -f1) unpacked"
echo "in $(. "$root/etc/os-release" && echo "$PRETTY_NAME"), glibc $(inside ldd --version | sed -n '1s/.* //p'); built with glibc $(ldd --version | sed -n '1s/.* //p')"
row "no program asks for a shared library" bash -c "! readelf -d '$root'/home/bob/redflag/redflag* 2>/dev/null | grep NEEDED"
row "redflagd --version, --check-config" bob ./redflagd --version '&&' ./redflagd --check-config
row "redflag-inspect proves its sandbox" bob ./redflag-inspect --self-test
start=$(date +%s)
row "./redflag demo" bob ./redflag demo --directory /home/bob/demo
echo "    the demo took $(($(date +%s) - start)) s"
row "./redflag inspect reads the demo's tensor files, and calls them ok" bob 'n=$(./redflag inspect --json ~/demo/results | grep -c "\"verdict\":\"ok\""); echo $n; [ $n -gt 50 ]'
row "./redflag setup writes a configuration that redflagd takes" bob './redflag setup --yes --results ~/results && ./redflagd --check-config | grep -q "configuration ok" && [ "$(stat -c %a ~/.config/redflag/redflag.yaml)" = 600 ]'
# A name server on loopback in a network of its own: what the static resolver does with resolv.conf, with a module in nsswitch.conf
# that only the machine's own glibc could load.
sed -i 's/^hosts:.*/hosts: mymachines resolve files dns/' "$root/etc/nsswitch.conf"
echo "nameserver 127.0.0.1" >"$root/etc/resolv.conf"
lookup() {
  unshare -n bash -euo pipefail -c '
    ip link set lo up
    /usr/bin/python3 tests/support/name_server.py wandb.test 127.0.0.1 & server=$!
    trap "kill $server" EXIT
    sleep 1
    chroot "$1" setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME=/home/bob WANDB_API_KEY=$(printf "k%.0s" $(seq 40)) \
      bash -c "cd ~/redflag && ./redflag setup --yes --json --project e/p --base-url http://wandb.test:9 --output /tmp/x.yaml" || true' - "$root" |
    tee /dev/stderr | grep -q '127.0.0.1:9\|refused'
}
row "host names are found by DNS, whatever nsswitch.conf says" lookup
row "man pages" bash -c "ls '$root'/home/bob/redflag/man/man1/redflag.1.gz '$root'/home/bob/redflag/man/man8/redflagd.8.gz"
finish
