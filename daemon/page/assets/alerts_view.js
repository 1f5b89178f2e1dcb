// Alerts: what fires, in full sentences, with what can be done; silences beneath.
import { ask, query } from "./api.js";
import { acknowledge, endSilence, matcherWords, silence, unacknowledge } from "./dialogs.js";
import { el, name, words } from "./dom.js";
import { ago } from "./format.js";
import { card, runLink, severity } from "./parts.js";

/** Of /v1/alerts, or an overview's line: the same, for people. */
function line(alert) {
  return {
    ...alert,
    about: alert.about ?? (alert.run || alert.subject),
    key: alert.run_key ?? alert.run,
    since: alert.since ?? alert.time,
    acknowledged: alert.acknowledged,
  };
}

function said(alert) {
  const ack = alert.acknowledged;
  if (!ack) return null;
  if (ack === true) return el("p", { class: "quiet" }, "acknowledged");
  return el("p", { class: "quiet" }, "acknowledged by ", name(ack.by), " ", ago(ack.at), ack.comment ? [": ", words(ack.comment)] : null);
}

/** One alert. `changed` is called when the person has done something about it. */
export function alertCard(raw, changed) {
  const alert = line(raw);
  const over = alert.state === "resolved" || alert.state === "closed";
  const act = (what, text, action) => el("button", {
    "data-id": `${what} ${alert.id}`, "aria-label": `${text}: ${alert.rule} on ${alert.about}`, onclick: action,
  }, text);
  return el("article", { class: `alert ${over ? "over" : alert.severity}`, "data-alert": alert.id },
    el("h3", {}, over ? el("span", { class: "tag" }, alert.state) : severity(alert.severity), " ",
      el("span", { class: "rule" }, alert.rule), " ",
      alert.key && alert.about ? runLink(alert.key, alert.about) : name(alert.about)),
    el("p", {}, words(alert.message)),
    alert.hint && !over ? el("p", { class: "hint" }, el("span", { class: "quiet" }, "try: "), words(alert.hint)) : null,
    el("p", { class: "quiet" }, alert.state === "pending" ? "pending, " : null, "began ", ago(alert.since, "–"),
      alert.step !== null && alert.step >= 0 ? `, step ${alert.step.toLocaleString("en")}` : null,
      alert.muted_by ? [", nobody is told: ", words(alert.muted_by)] : null),
    said(alert),
    over ? null : el("p", { class: "row" },
      alert.state !== "firing" ? null
        : alert.acknowledged ? act("unack", "Take back", () => unacknowledge(alert, changed))
          : act("ack", "Acknowledge", () => acknowledge(alert, changed)),
      act("silence", "Silence", () => silence({ ...alert, about: alert.key ? alert.about : "" }, changed))));
}

const rank = { critical: 0, warning: 1, info: 2 };

export async function alertsView(refresh) {
  const [alerts, silences] = await Promise.all([
    ask(`v1/alerts${query({ limit: 200 })}`), ask(`v1/silences${query({ limit: 100 })}`)]);
  const active = alerts.alerts.filter((a) => a.state === "firing" || a.state === "pending");
  active.sort((a, b) => (a.state === b.state ? rank[a.severity] - rank[b.severity] : a.state === "firing" ? -1 : 1));
  const ended = alerts.alerts.filter((a) => a.state !== "firing" && a.state !== "pending");
  const live = silences.silences.filter((s) => s.state !== "ended");
  return [
    el("h1", {}, "Alerts"),
    card("Now", active.length ? active.map((a) => alertCard(a, refresh)) : el("p", { class: "quiet" }, "Nothing fires."),
      alerts.cut ? el("p", { class: "quiet" }, `the first ${alerts.alerts.length} of ${alerts.total}`) : null),
    card("Silences", live.length ? live.map((s) => el("article", { class: "alert" },
      el("h3", {}, matcherWords(s)),
      el("p", {}, words(s.comment), el("span", { class: "quiet" }, " by ", name(s.author), `, ${s.state}, until `,
        new Date(s.ends).toLocaleString("en-GB"))),
      el("p", { class: "row" }, el("button", { "data-id": `end ${s.id}`, "aria-label": `End the silence ${s.matchers.join(" ")}`, onclick: () => endSilence(s, refresh) }, "End it"))))
      : el("p", { class: "quiet" }, "None in force.")),
    ended.length ? card("Ended lately", ended.slice(0, 50).map((a) => alertCard(a, refresh))) : null,
  ];
}
