// Whether redflag itself is well: its sources, its receivers, what waits to be sent, the machine.
import { ask, query } from "./api.js";
import { el, name, say, words } from "./dom.js";
import { ago, bytes, duration, whole } from "./format.js";
import { card, table, trouble } from "./parts.js";

const well = (good, text) => el("span", { class: `state ${good === null ? "unknown" : good ? "finished" : "failed"}` },
  el("span", { "aria-hidden": "true" }, good === null ? "? " : good ? "✔ " : "✖ "), text);

export function sourcesTable(sources) {
  return table("Sources", [["Source"], ["State"], ["Last success", "wide"], ["Behind by", "wide"], ["Runs", "number"]],
    sources.map((s) => [
      name(s.key),
      [well(s.reachable, s.reachable === null ? "has not spoken yet" : s.reachable ? "reachable" : "not reachable"),
        s.trouble ? el("span", { class: "sub" }, trouble(s.trouble)) : null],
      ago(s.last_success), s.lag_seconds === null ? "–" : duration(s.lag_seconds),
      s.kind === "wandb" ? `${whole(s.active_runs)} live of ${whole(s.runs)}` : "–"]),
    "No source: nothing is watched.");
}

export function channelsTable(channels) {
  return table("Receivers", [["Receiver"], ["State"], ["Last sent", "wide"], ["Waiting", "number"], ["Refused", "number"]],
    channels.map((c) => [name(c.channel),
      [well(c.healthy, c.healthy ? "well" : "in trouble"), c.last_error && !c.healthy ? el("span", { class: "sub" }, trouble(c.last_error)) : null],
      ago(c.last_sent), whole(c.queued), whole(c.parked)]));
}

async function retry(refresh) {
  const answer = await ask("v1/outbox/retry", { method: "POST", body: { all: true } });
  say(`${answer.count} messages are sent again`);
  refresh();
}

export async function healthView(refresh, overview) {
  const [channels, outbox] = await Promise.all([ask("v1/channels"), ask(`v1/outbox${query({ limit: 50 })}`)]);
  const d = overview.daemon, host = overview.host;
  return [
    el("h1", {}, "Health"),
    card("Sources", sourcesTable(overview.sources)),
    card("Receivers", channelsTable(channels.channels)),
    card("Messages that wait", outbox.total === 0 ? el("p", { class: "quiet" }, "None: everything has been sent.") : [
      table("Messages that wait", [["Receiver"], ["State"], ["Since", "wide"], ["Attempts", "number"], ["Last error", "wide"]],
        outbox.messages.map((m) => [name(m.channel), m.in_flight ? "being sent" : m.state === "parked" ? "refused" : "waits",
          ago(m.created), whole(m.attempts), words(m.last_error || "–")])),
      el("p", { class: "row" }, el("button", { "data-id": "retry", onclick: () => retry(refresh) }, "Send all again now")),
    ]),
    card("redflagd", el("dl", { class: "facts" }, [
      ["Version", words(d.version)], ["Running since", ago(d.started_at)], ["Memory", bytes(d.rss_bytes)], ["Store", bytes(d.store_bytes)],
      ["Disk", d.undurable ? trouble("refuses: alerts go out from memory") : "takes what is written"],
      ["Machine", name(host.name || "–")],
      ["Its memory", `${bytes(host.memory_available_bytes)} free of ${bytes(host.memory_total_bytes)}`],
    ].map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))))),
  ];
}
