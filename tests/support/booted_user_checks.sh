#!/bin/bash
# (run by the systemd_user campaign inside the booted root) the portable archive as a service of an ordinary user, installed by the very lines
# of its README; the table goes to /var/checks/table
. /usr/local/lib/booted.sh

# bob COMMAND…: he logs in, through PAM, and does that; his session ends with it.
bob() { su -l bob -c "$*"; }
show() { bob systemctl --user show -P "$1" redflag; }
active() { [ "$(bob systemctl --user show -P ActiveState -P SubState redflag | paste -sd/)" = active/running ]; }
# What redflagd wrote, and what the user's systemd wrote about it.
said() { journalctl _SYSTEMD_USER_UNIT=redflag.service + USER_UNIT=redflag.service --no-pager -o cat --since "@$since" | grep -q -- "$1"; }
now() { sleep 1; since=$(date +%s); }
another_process() { [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && active; }
milliseconds_since() { echo $((($(date +%s%N) - $1) / 1000000)); }
silenced() { bob redflag silence list | grep -q 'kept by bob'; }
told() { grep -c CRITICAL /home/bob/demo/slack.jsonl; }

# --- After the reboot: nobody has logged in ---
if [ $boot -eq 2 ]; then
  unattended() { until_true 60 pgrep -u bob -x redflagd && [ "$(loginctl list-sessions --no-legend | wc -l)" = 0 ] && echo "sessions: 0"; }
  row "after a reboot it runs before anybody logs in" unattended
  row "redflag status, in the first login after it" bob 'redflag status | grep "^REDFLAG"'
  row "the silence is in force still" silenced
  not_again() { sleep 5; local count; count=$(told) && [ "$count" = "$(cat /var/checks/told)" ] && echo "$count before, $count now"; }
  row "no alert is told again" not_again
  logged_out() {
    since=0
    bob loginctl disable-linger
    until_true 30 bash -c '! pgrep -u bob -x redflagd' && until_true 5 said 'Deactivated successfully\|Stopped redflag'
  }
  row "without lingering it stops, cleanly, after the last logout" logged_out
  finish
fi

# --- Unpack, set up; W&B and Slack are the demo's stand-ins ---
useradd -m -s /bin/bash bob
mkdir /home/bob/.config
chown bob: /home/bob/.config
unpacked() { bob 'tar xzf /debs/redflag-*-linux-x86_64.tar.gz && cd redflag-*/ && ./redflag --version'; }
row "bob unpacks the archive" unpacked
systemd-run -q --unit=stand-ins --uid=bob -p WorkingDirectory=/home/bob /bin/sh -c 'exec redflag-*/redflag demo --no-daemon --directory /home/bob/demo --seconds 30 --port 4711'
until_true 20 test -s /home/bob/demo/slack_webhook
setup() {
  bob 'cd redflag-*/ && ./redflag setup --yes --project demo/step3-full-finetune --base-url http://127.0.0.1:4711 --api-key-file ~/demo/wandb_api_key \
    --slack-webhook-file ~/demo/slack_webhook --results ~/demo/results && stat -c "%n %a" ~/.config/redflag/redflag.yaml'
}
row "./redflag setup, without questions" setup

# --- The README's lines, as they stand; but for the last, which goes on until Ctrl-C ---
now
sed -n '/^As a service of your own/,/^Without systemd/s/^    //p' /home/bob/redflag-*/README | sed 's/ -f$/ -n 5/' >/home/bob/lines
documented() { bob 'cd redflag-*/ && bash -eux ~/lines'; }
linger_refused() { ! documented && bob loginctl enable-linger 2>&1 | grep 'Access denied' && loginctl enable-linger bob; }
row "the README's lines; without polkit, the administrator's for lingering" linger_refused
ready() { until_true 30 active && show StatusText; }
row "it is active (ready)" ready
row "systemd-analyze --user verify of the unit prints nothing" bob '! systemd-analyze --user --man=no verify ~/.config/systemd/user/redflag.service 2>&1 | grep .'
row "journalctl --user -u redflag, as bob" bob 'journalctl --user -u redflag -o cat | grep -o "version .* ready"'
private() { stat -c '%a %n' /run/user/1000/redflag/redflag.sock /home/bob/.local/state/redflag | paste -sd' '; }
row "its socket and its state" private
status() { until_true 30 bob 'redflag status | grep -q "ok W&B"' && bob redflag status | sed -n '/SOURCES/s/  */ /gp'; }
row "redflag status finds it, in another login" status
without_a_login() { runuser -u bob -- env -i HOME=/home/bob /home/bob/.local/bin/redflag status | grep -o '^REDFLAG'; }
row "  also without XDG_RUNTIME_DIR (sudo -iu, cron)" without_a_login
exported() {
  ! runuser -u bob -- env -i HOME=/home/bob systemctl --user is-active redflag || return 1
  runuser -u bob -- env -i HOME=/home/bob XDG_RUNTIME_DIR=/run/user/1000 systemctl --user is-active redflag
}
row "  systemctl --user wants that variable there, and works with it" exported
lingers() { [ "$(loginctl show-user bob -P Linger)" = yes ]; }
row "lingering is on" lingers
outlives() {
  local pid
  pid=$(pgrep -u bob -x redflagd)
  sleep 20  # systemd ends a user's services 10 s after the last logout
  [ "$(loginctl list-sessions --no-legend | wc -l)" = 0 ] && [ "$(pgrep -u bob -x redflagd)" = "$pid" ]
}
row "it outlives the last logout" outlives
delivered() { until_true 60 grep -q CRITICAL /home/bob/demo/slack.jsonl && grep -c . /home/bob/demo/slack.jsonl; }
row "an alert reaches Slack" delivered

# --- Reload ---
reload() {
  local pid
  pid=$(show MainPID)
  now
  bob systemctl --user reload redflag && until_true 10 said 'reload *done' && [ "$(show MainPID)" = "$pid" ] && active
}
row "systemctl --user reload: the same process goes on with the new configuration" reload
bad_reload() {
  bob 'cp -p ~/.config/redflag/redflag.yaml ~/good.yaml; echo "wand: {}" >>~/.config/redflag/redflag.yaml'
  now
  bob systemctl --user reload redflag
  until_true 10 said refused && active
  local code=$?
  bob 'cp -p ~/good.yaml ~/.config/redflag/redflag.yaml'
  return $code
}
row "reload of a wrong configuration is refused, and it goes on" bad_reload

# --- Death ---
row "a silence is made" bob 'redflag silence add "run=sweep_*" --for 2h --comment "kept by bob" --yes'
killed() {
  local pid
  pid=$(show MainPID)
  kill -9 "$pid"
  until_true 15 another_process "$pid" && until_true 10 silenced && echo "NRestarts=$(show NRestarts), the silence kept"
}
row "kill -9: it is started again, with what it knew" killed
watchdog() {
  bob 'mkdir -p ~/.config/systemd/user/redflag.service.d && printf "[Service]\nWatchdogSec=4s\n" >~/.config/systemd/user/redflag.service.d/short.conf'
  bob 'systemctl --user daemon-reload && systemctl --user restart redflag'
  until_true 20 active || return 1
  sleep 20  # five intervals; only its own pings keep it alive
  [ "$(show NRestarts)" = 0 ] && active && [ "$(show Result)" = success ]
}
row "watchdog of 4 s: alive after 20 s, by its own pings" watchdog
hangs() {
  local pid began
  pid=$(show MainPID)
  now
  began=$(date +%s%N)
  kill -STOP "$pid"
  until_true 40 another_process "$pid" && said 'Watchdog timeout' && echo "back after $(milliseconds_since "$began") ms"
}
row "a daemon that hangs (SIGSTOP) is killed by the watchdog and started again" hangs
bob 'rm -r ~/.config/systemd/user/redflag.service.d; systemctl --user daemon-reload'

# --- A machine with polkit ---
with_polkit() {
  apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-download polkitd >/var/log/polkit.log 2>&1 || { tail /var/log/polkit.log; return 1; }
  bob 'loginctl disable-linger && loginctl enable-linger' && lingers
}
row "with polkit: loginctl enable-linger, as bob" with_polkit

# --- The next version, in its own directory, by the same lines ---
upgraded() {
  local pid
  pid=$(show MainPID)
  bob 'for d in redflag-*/; do mv $d older; done; tar xzf /debs/redflag-*-linux-x86_64.tar.gz; mv redflag-*-linux-x86_64 redflag-next; cd redflag-next && bash -eux ~/lines' || return 1
  bob systemctl --user restart redflag
  until_true 15 another_process "$pid" && readlink "/proc/$(show MainPID)/exe" | grep -F redflag-next
}
row "an upgrade: the same lines in the new directory, and a restart" upgraded
stopped() {
  local began
  began=$(date +%s%N)
  bob systemctl --user stop redflag
  [ "$(show Result)" = success ] && [ "$(show ExecMainStatus)" = 0 ] && echo "$(milliseconds_since "$began") ms, the login among them"
}
row "systemctl --user stop: a clean end" stopped
without_it() {
  local code=0
  bob redflag status || code=$?
  [ $code -eq 3 ]
}
row "redflag status says that there is no daemon (exit code 3)" without_it
started() { bob systemctl --user start redflag && until_true 10 active && silenced; }
row "systemctl --user start: what it knew is kept" started
systemctl stop stand-ins
told >/var/checks/told
again
