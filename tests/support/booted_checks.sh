#!/bin/bash
# (run by the systemd campaign inside the booted root) what the installed service does; the table goes to /var/checks/table
. /usr/local/lib/booted.sh
show() { systemctl show -P "$1" redflag; }
active() { [ "$(show ActiveState)/$(show SubState)" = active/running ]; }
said() { journalctl -u redflag --no-pager -o cat --since "@$since" | grep -q -- "$1"; }
now() { since=$(date +%s); }
restart_fresh() { # a restart whose journal is told from the one before
  sleep 1
  now
  systemctl daemon-reload
  systemctl reset-failed redflag
  systemctl restart redflag
}
drop_ins=/etc/systemd/system/redflag.service.d
examples=/usr/share/doc/redflag/examples/redflag.service.d
now
mkdir -p $drop_ins

# --- As installed ---
ready() { until_true 30 active && show StatusText; }
row "as installed, with nothing to watch, it is active (ready)" ready
dynamic() { [ "$(stat -c %U /proc/"$(show MainPID)")" != root ] && [ -L /var/lib/redflag ] && [ "$(stat -c %a /var/lib/private/redflag)" = 700 ] && stat -c "user %u, /run/redflag %a" /run/redflag/; }
row "it runs as a dynamic user, with a state and a runtime directory" dynamic

# --- A project, a directory and secrets, by `redflag setup`; W&B and Slack are the demo's stand-ins ---
systemd-run -q --unit=stand-ins -p DynamicUser=no redflag demo --no-daemon --directory /var/demo --seconds 40 --port 4711
until_true 20 test -s /var/demo/slack_webhook
chmod 0755 /var/demo /var/demo/results
install -m 0600 /var/demo/wandb_api_key /var/demo/slack_webhook /etc/redflag/
setup() {
  redflag setup --yes --force --project demo/step3-full-finetune --base-url http://127.0.0.1:4711 --api-key-file /etc/redflag/wandb_api_key \
    --slack-webhook-file /etc/redflag/slack_webhook --results /var/demo/results --send-test &&
    [ -f $drop_ins/credentials.conf ]
}
row "redflag setup writes configuration and drop-in, and finds all well" setup
credentials() {
  restart_fresh
  until_true 20 active || return 1
  until_true 30 said 'step3-full-finetune' || return 1
  ! tr '\0' '\n' </proc/"$(show MainPID)"/environ | grep -q "$(cat /etc/redflag/wandb_api_key)" || return 1
  ! said hooks.slack.com
}
row "keys of mode 0600 reach it by LoadCredential=, and W&B is followed" credentials
delivered() { until_true 60 grep -q CRITICAL /var/demo/slack.jsonl && grep -c . /var/demo/slack.jsonl; }
row "an alert reaches Slack through the credential" delivered
reader() { until_true 30 said 'results .*checkpoint' ; }
row "the results directory is read" reader

# --- Reload ---
reload() {
  local pid
  pid=$(show MainPID)
  sleep 1
  now
  systemctl reload redflag && until_true 10 said 'reload *done' && [ "$(show MainPID)" = "$pid" ] && active
}
row "reload: the same process goes on with the new configuration" reload
bad_reload() {
  cp /etc/redflag/redflag.yaml /var/checks/good.yaml
  echo 'wand: {}' >>/etc/redflag/redflag.yaml
  sleep 1
  now
  systemctl reload redflag
  until_true 10 said 'refused' && active
  local code=$?
  cp /var/checks/good.yaml /etc/redflag/redflag.yaml
  return $code
}
row "reload of a wrong configuration is refused, and it goes on" bad_reload

# --- Death ---
killed() {
  local pid
  pid=$(show MainPID)
  kill -9 "$pid"
  until_true 15 bash -c "p=\$(systemctl show -P MainPID redflag); [ \$p != $pid ] && [ \$p != 0 ] && [ \$(systemctl show -P ActiveState redflag) = active ]" && echo "NRestarts=$(show NRestarts)"
}
row "kill -9: systemd starts it again" killed
watchdog() {
  printf '[Service]\nWatchdogSec=4s\n' >$drop_ins/short-watchdog.conf
  restart_fresh
  until_true 20 active || return 1
  local before
  before=$(show NRestarts)
  sleep 20  # five intervals; only its own pings keep it alive
  [ "$(show NRestarts)" = "$before" ] && active && [ "$(show Result)" = success ]
}
row "watchdog of 4 s: alive after 20 s, by its own pings" watchdog
stopped_process() {
  local pid began
  pid=$(show MainPID)
  began=$(date +%s%N)
  kill -STOP "$pid"
  until_true 40 bash -c "p=\$(systemctl show -P MainPID redflag); [ \$p != $pid ] && [ \$p != 0 ] && [ \$(systemctl show -P ActiveState redflag) = active ]" || return 1
  journalctl -u redflag --no-pager -o cat -n 200 | grep -q 'Watchdog timeout' && echo "back after $((($(date +%s%N) - began) / 1000000)) ms"
}
row "a daemon that hangs (SIGSTOP) is killed by the watchdog and started again" stopped_process
rm -f $drop_ins/short-watchdog.conf
clean_stop() {
  local began
  restart_fresh
  until_true 20 active
  began=$(date +%s%N)
  systemctl stop redflag
  [ "$(show Result)" = success ] && [ "$(show ExecMainStatus)" = 0 ] && echo "$((($(date +%s%N) - began) / 1000000)) ms"
}
row "systemctl stop: a clean end" clean_stop
systemctl stop stand-ins

# --- Results below a home that only its owner may enter ---
useradd -m alice
groupadd ml
chmod 0750 /home/alice
damaged=/home/alice/results/full_ft_rte_seed42/checkpoint-10/pytorch_model.bin
su alice -s /bin/bash -c "umask 022; mkdir -p ${damaged%/*};  printf 'PK\003\004cut in half' >$damaged"
# Only the owner of a file can ask whether anybody still writes it; for others a file is damaged once it has been still for so long.
printf 'results: {incomplete_after: 2s, roots: [/home/alice/results]}\n' >/etc/redflag/redflag.yaml
rm -f $drop_ins/*.conf
sees_it() { # with the drop-ins that are there now, from a fresh state
  systemctl stop redflag 2>/dev/null
  rm -rf /var/lib/redflag /var/lib/private/redflag
  restart_fresh
  until_true 20 active && until_true 30 said 'checkpoint-damaged' && echo "user $(stat -c '%u %U' /proc/"$(show MainPID)")"
}
shut_out() {
  systemctl stop redflag
  restart_fresh
  until_true 20 active || return 1
  sleep 5
  ! said 'checkpoint-damaged' && journalctl -u redflag --no-pager -o cat --since "@$since" | grep -i 'alice\|permission' | tail -n 1
}
row "without a drop-in it cannot see them, and says so" shut_out
cp $examples/training-user.conf $drop_ins/
row "training-user.conf: it sees them, as the training user" sees_it
memory_stays() {
  su alice -s /bin/bash -c 'echo batch >/dev/shm/training'
  systemctl stop redflag
  sleep 1
  [ -f /dev/shm/training ]
}
row "training-user.conf: the training's shared memory survives its stop" memory_stays
memory_goes() {
  printf '[Service]\nRemoveIPC=yes\n' >$drop_ins/zz-ipc.conf
  restart_fresh
  until_true 20 active
  systemctl stop redflag
  sleep 1
  [ ! -f /dev/shm/training ]
}
row "  (with RemoveIPC=yes it would not: that line is needed)" memory_goes
rm -f $drop_ins/*.conf
cp $examples/results-in-home.conf $drop_ins/
su alice -s /bin/bash -c 'echo private >/home/alice/diary; chmod 0644 /home/alice/diary'
row "results-in-home.conf: it sees them, as its own user" sees_it
only_results() { [ "$(ls -A /proc/"$(show MainPID)"/root/home/alice)" = results ]; }
row "results-in-home.conf: nothing else of the home is there for it" only_results
rm -f $drop_ins/*.conf
chmod 0700 /home/alice/results
setfacl -m g:ml:x /home/alice
setfacl -R -m g:ml:rX -m d:g:ml:rX /home/alice/results
cp $examples/acl.conf $drop_ins/
row "acl.conf: it sees them by its group and ACLs, below modes 0750 and 0700" sees_it
cp $examples/gpu.conf $drop_ins/
starts() { restart_fresh; until_true 20 active; }
row "gpu.conf: it starts, on a machine without GPUs too" starts
finish
