#!/bin/bash
# (run by the package campaign inside the booted root) forward passes and drift, made by the installed service under its unit as shipped:
# its filter of system calls, no memory both written and executed, its limits; the table goes to /var/checks/table
. /usr/local/lib/booted.sh
since=$(date +%s)
log() { journalctl -u redflag --no-pager -o cat --since "@$since"; }

# A model and three steps of its representations, by the demo. /srv/results has one already, of which the weights are finite and the
# outputs are not.
redflag demo --no-daemon --directory /var/demo --seconds 5 >/dev/null &
until_true 60 test -s /var/demo/results/full_ft_mrpc_seed42/final_model/tokenizer_config.json
sleep 1
kill %1
cp -r /var/demo/results/full_ft_mrpc_seed42 /srv/results/
for step in base_pretrained_mrpc/step_000000 full_finetune_mrpc/step_000100 full_finetune_mrpc/step_000200; do
  mkdir -p "/srv/results/representations/${step%/*}"
  cp -r "/var/demo/results/representations/$step" "/srv/results/representations/$step"
done
chmod -R a+rX /srv/results
mkdir -p /etc/redflag/rules.d
cat >/etc/redflag/rules.d/drift.yaml <<'RULES'
rules:
  - rule: drift-is-known
    on: representation
    severity: info
    when: drift > 0 and cka <= 1
    message: "{name}: drift {drift:.3f}, cka {cka:.3f}"
RULES
chmod -R a+rX /etc/redflag/rules.d
printf 'results: {roots: [/srv/results]}\nrules: {directory: /etc/redflag/rules.d}\n' >/etc/redflag/redflag.yaml

starts() { systemctl restart redflag && echo "TasksMax=$(systemctl show -P TasksMax redflag), MemoryMax=$(systemctl show -P MemoryMax redflag)"; }
row "redflagd with redflag-forward beside it, under its unit as shipped" starts
sound() {
  # Logits of a sound model are kept, to be compared with those of a later look.
  until_true 60 bash -c 'compgen -G "/var/lib/private/redflag/*.json"' && sleep 1
  grep -l '"status":"ok"' /var/lib/private/redflag/*.json | xargs grep -l '"confined":true' | xargs -n 1 grep -o '"shape":[^]]*]'
}
row "a sound model: its outputs are finite, and kept" sound
nonfinite() { until_true 60 eval "log | grep -q 'CRITICAL .*checkpoint-output'" && log | grep -o 'checkpoint-output  .* of [0-9]* logits'; }
row "finite weights, outputs that are not: critical" nonfinite
drift() { until_true 60 eval "log | grep -q drift-is-known" && log | grep -o 'drift [0-9.]*, cka [0-9.]*'; }
row "the drift of two steps is measured, for a rule to read" drift
nothing_waits() { until_true 30 eval '! redflag validate --json | grep -q "forward pass"'; }
row "redflag validate: no forward pass waits, none could not be made" nothing_waits
stopped() { systemctl stop redflag && [ "$(systemctl show -P Result redflag)" = success ]; }
row "systemctl stop: a clean end" stopped
finish
