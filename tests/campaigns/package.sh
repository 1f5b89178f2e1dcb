#!/usr/bin/env bash
# the .debs in a fresh Debian 12: lintian, install, upgrade, remove, purge; the unit's score; redflag-forward with LibTorch (not: --no-forward)
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in
  "") with_forward=yes ;;
  --no-forward) with_forward=no ;;
  *) echo "usage: package [--no-forward]     (redflag-forward brings the 300 packages of LibTorch)" >&2; exit 2 ;;
esac
. tests/support/debian_root.sh
compgen -G 'build/package/redflag_*.deb' >/dev/null || ./dev package
command -v lintian >/dev/null || ./dev setup lintian
deb=$(ls build/package/redflag_*.deb)
forward_deb=$(ls build/package/redflag-forward_*.deb)

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
later() { # later NUMBER DEB [LINE FOR THE CONFFILE]
  local tree
  tree=$(mktemp -d)
  dpkg-deb -R "$2" "$tree"
  sed -i "s/^Version: .*/&+$1/; s/\(redflag (= [^)]*\))/\1+$1)/" "$tree/DEBIAN/control"
  [ -z "${3:-}" ] || echo "$3" >>"$tree/etc/redflag/redflag.yaml"
  dpkg-deb -b --root-owner-group "$tree" "$root/debs/$(dpkg-deb -f "$2" Package)_$1.deb" >/dev/null
  rm -r "$tree"
}
later 2 "$deb"
later 3 "$deb" "# a line of the next version"
apt_install() { inside apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends "$@"; }
# What redflag needs comes first, so that what it leaves behind can be told from what its libraries are.
needed_by() { dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/([^)]*)//; /^ *redflag *$/d'; }
everything() { (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./debs -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./tmp \) -prune -o -print | sort); }

echo "install"
inside apt-get update -qq
# shellcheck disable=SC2046  # package names are words
apt_install $(needed_by "$deb") >/dev/null 2>&1
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
if [ $with_forward = no ]; then
  finish
  exit
fi

echo "redflag-forward"
cp "$forward_deb" "$root/debs/redflag-forward_1.deb"
later 2 "$forward_deb"
cost() { inside apt-get install --assume-no "$@" 2>/dev/null | grep -oE '[0-9]+ newly installed|get [0-9.]+ .B|[0-9.]+ .B of additional' | paste -sd, | sed 's/,/, /g'; }
echo "  with all that is recommended: $(cost /debs/redflag_1.deb /debs/redflag-forward_1.deb)"
echo "  without: $(cost --no-install-recommends /debs/redflag_1.deb /debs/redflag-forward_1.deb libopenblas0-pthread)"
packages() { inside dpkg-query -W -f '${Package}\n' | sort; }
packages >build/campaigns/packages.txt
# shellcheck disable=SC2046  # package names are words
apt_install $(needed_by "$forward_deb") libopenblas0-pthread >/dev/null 2>&1
# shellcheck disable=SC2046
inside apt-mark auto $(packages | comm -13 build/campaigns/packages.txt -) >/dev/null
everything >build/campaigns/before.txt
row "apt-get install ./redflag.deb ./redflag-forward.deb" apt_install /debs/redflag_1.deb /debs/redflag-forward_1.deb
everything >build/campaigns/after.txt
placed() { [ "$(inside stat -c %a:%U /usr/libexec/redflag/redflag-forward)" = 755:root ] && ! inside ldd /usr/libexec/redflag/redflag-forward | grep 'not found'; }
row "its program where it belongs, with every library that it asks for" placed

# Models of a few kilobytes, and what PyTorch makes of them.
./dev setup python3 python3-torch python3-numpy
rm -rf build/campaigns/models
mkdir build/campaigns/models
/usr/bin/python3 tests/forward/reference.py build/campaigns/models >/dev/null
echo '{}' >build/campaigns/models/llama/tokenizer_config.json
cp -r build/campaigns/models "$root/models"
as_pytorch() {
  local model
  for model in llama llama_tied_sharded mistral_bf16 gpt2 bert_classifier roberta_mlm lora_llama; do
    inside /usr/libexec/redflag/redflag-forward logits "/models/$model" >build/campaigns/logits.json || return 1
    /usr/bin/python3 - "$model" <<'PYTHON' || return 1
import json, sys
said = json.load(open("build/campaigns/logits.json"))
expected = json.load(open("build/campaigns/models/expected.json"))["logits"][sys.argv[1]]
assert said["status"] == "ok" and said["confined"], said
for each in said["formats"]:
    assert each["shape"] == expected["shape"], each["shape"]
    all, some = expected["values"], each["sample"]  # of many, those at equal distances
    furthest = max(abs(x - all[i * (len(all) - 1) // (len(some) - 1)]) for i, x in enumerate(some))
    assert furthest < 1e-4, (each["format"], furthest)
    print(f"{sys.argv[1]}, {each['format']}: {len(some)} logits compared, furthest {furthest:.1e}")
PYTHON
  done
}
row "logits of 7 models (Llama, Mistral, GPT-2, BERT, RoBERTa, LoRA): PyTorch's" as_pytorch
finite() { inside redflag inspect --forward /models/llama | grep 'outputs: finite, the same when loaded again and from each format'; }
row "redflag inspect --forward runs a model" finite
drift() { inside /usr/libexec/redflag/redflag-forward drift /models/representations/full_finetune_mrpc/step_000200 --previous /models/representations/full_finetune_mrpc/step_000100 | grep '"status":"ok"'; }
row "and it measures the drift of a step" drift

# The service does the same under its unit. The head of this model is finite, and too large.
mkdir -p "$root/srv/results/full_ft_rte_seed1337"
cp -r build/campaigns/models/llama "$root/srv/results/full_ft_rte_seed1337/final_model"
rm "$root/srv/results/full_ft_rte_seed1337/final_model/pytorch_model.bin"
/usr/bin/python3 - "$root/srv/results/full_ft_rte_seed1337/final_model/model.safetensors" <<'PYTHON'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
start = 8 + struct.unpack("<Q", data[:8])[0]
first, last = json.loads(data[8:start])["lm_head.weight"]["data_offsets"]
data[start + first : start + last] = struct.pack("<f", 3e38) * ((last - first) // 4)
open(sys.argv[1], "wb").write(data)
PYTHON
without_proc_and_dev
boot_and_check booted_forward_checks.sh _SYSTEMD_UNIT=redflag.service || failures=$((failures + 1))
rm -rf "$root/var/demo" "$root/srv/results" "$root/etc/redflag/rules.d" "$root/etc/systemd/system/booted-checks.service" \
  "$root/etc/systemd/system/multi-user.target.wants/booted-checks.service"
with_proc_and_dev

versions() { inside dpkg-query -W -f '${Version} ' redflag redflag-forward; }
upgraded() { apt_install /debs/redflag_2.deb /debs/redflag-forward_2.deb && [ "$(versions | tr ' ' '\n' | grep -c '+2$')" = 2 ]; }
row "an upgrade of both, in one go" upgraded
alone() {
  inside apt-get -o Dpkg::Use-Pty=0 purge -y -qq redflag-forward || return 1
  inside redflag inspect --forward --json /models/llama | grep 'redflag-forward is not installed'
}
row "purged alone: redflag goes on, and says what is not checked" alone
both() {
  apt_install /debs/redflag-forward_2.deb || return 1
  inside apt-get -o Dpkg::Use-Pty=0 remove -y -qq redflag || return 1
  [ ! -e "$root/usr/libexec/redflag" ] && inside dpkg-query -W -f '${Package} ${Status}\n' 'redflag*'
}
row "removed: redflag takes redflag-forward with it" both
forward_purged() {
  inside apt-get -o Dpkg::Use-Pty=0 purge -y -qq redflag redflag-forward || return 1
  rm -rf "$root/etc/redflag"
  everything | comm -13 build/campaigns/before.txt - | comm -12 - build/campaigns/after.txt >build/campaigns/left.txt
  cat build/campaigns/left.txt
  [ ! -s build/campaigns/left.txt ]
}
row "purged: nothing of either is left" forward_purged
autoremoved() {
  inside apt-get -o Dpkg::Use-Pty=0 autoremove --purge -y -qq || return 1
  packages | comm -13 build/campaigns/packages.txt - | tee /dev/stderr | wc -l | grep -x 0
}
row "apt autoremove: LibTorch and all that came with it is gone" autoremoved
finish
