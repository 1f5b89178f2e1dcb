// The first look: what to do next, then what it rests on.
import { alertCard } from "./alerts_view.js";
import { el, name, plain, svg } from "./dom.js";
import { figure, whole } from "./format.js";
import { sourcesTable } from "./health_view.js";
import { card, trouble } from "./parts.js";
import { runsTable } from "./runs_view.js";

/** One sentence, the most urgent thing first; and how urgent it is. */
function next(o) {
  const open = o.alerts.filter((a) => a.state === "firing" && !a.acknowledged && !a.muted_by);
  const worst = open.find((a) => a.severity === "critical") ?? open[0];
  const others = open.length - 1;
  if (worst?.severity === "critical") {
    return ["bad", `${plain(worst.about)}: ${plain(worst.message)}.${worst.hint ? ` Try: ${plain(worst.hint)}.` : ""}${others > 0 ? ` ${others} more below.` : ""}`];
  }
  if (o.daemon.undurable) return ["bad", "redflag cannot write its state: make room on its disk."];
  const down = o.sources.filter((s) => s.reachable === false);
  if (down.length) return ["bad", `${plain(down[0].key)} cannot be reached${down[0].trouble ? `: ${plain(down[0].trouble)}` : ""}. What is shown may be old.`];
  if (o.daemon.channel_troubles.length) return ["bad", `Alerts do not get out: ${plain(o.daemon.channel_troubles[0])}.`];
  if (worst) return ["odd", `${plain(worst.about)}: ${plain(worst.message)}.${others > 0 ? ` ${others} more below.` : ""}`];
  if (o.runs_total === 0) return ["calm", "No run is known yet. Nothing to do until one starts."];
  if (o.running > 0) return ["calm", `Nothing to do: ${whole(o.running)} run${o.running === 1 ? "" : "s"} in progress, none of them flagged.`];
  return ["calm", "Nothing runs, and nothing is flagged. Next: redflag validate."];
}

const tile = (label, value, kind, href) => el("a", { class: `tile ${kind}`, href }, el("b", {}, whole(value)), el("span", {}, label));

const verdicts = { in_range: ["✓", "in range"], above: ["▲", "above the range"], below: ["▼", "below the range"], critical: ["✖", "far below the range"], none: ["–", "no score yet"] };

function taskLine(task) {
  const [sign, text] = verdicts[task.verdict] ?? verdicts.none;
  const all = task.methods.flatMap((m) => m.scores.map((s) => ({ ...s, method: m.method })));
  const low = Math.min(task.critical, ...all.map((s) => s.value)) - 0.03;
  const high = Math.max(task.expected_max, ...all.map((s) => s.value)) + 0.03;
  const x = (v) => (300 * (v - low)) / (high - low);
  const range = `${figure(task.expected_min)}–${figure(task.expected_max)}`;
  const label = `${task.task} ${task.metric}, expected ${range}: ` + (all.map((s) => `${plain(s.method)} ${figure(s.value)}`).join(", ") || "no score");
  return el("article", { class: "task" },
    el("h3", {}, name(task.task), " ", el("span", { class: "quiet" }, task.metric), " ",
      el("span", { class: `tag v-${task.verdict}` }, el("span", { "aria-hidden": "true" }, `${sign} `), text)),
    svg("svg", { viewBox: "0 0 300 22", class: "range", role: "img", "aria-label": label, preserveAspectRatio: "none" },
      svg("rect", { class: "track", x: 0, y: 9, width: 300, height: 4 }),
      svg("rect", { class: "expected", x: x(task.expected_min), y: 6, width: x(task.expected_max) - x(task.expected_min), height: 10 }),
      svg("rect", { class: "limit", x: x(task.critical) - 1, y: 3, width: 2, height: 16 }),
      ...all.map((s) => svg("rect", { class: `dot m-${["full_finetune", "lora"].includes(s.method) ? s.method : "other"}`, x: x(s.value) - 2.5, y: 3, width: 5, height: 16 }))),
    el("p", { class: "quiet" }, `expected ${range}, critical below ${figure(task.critical)}`,
      task.average === null ? "" : `; average ${figure(task.average)}, best ${figure(task.best)}`));
}

export async function overviewView(refresh, o) {
  const [kind, sentence] = next(o);
  const shown = o.alerts.filter((a) => a.state === "firing").slice(0, 6);
  return [
    el("h1", { class: "unseen" }, "Overview"),
    el("section", { class: `card next ${kind}`, "aria-label": "What to do next" }, el("h2", {}, "Next"), el("p", {}, el("bdi", {}, sentence))),
    el("div", { class: "tiles" },
      tile("critical", o.firing.critical, o.firing.critical ? "bad" : "", "#/alerts"),
      tile("warnings", o.firing.warning, o.firing.warning ? "odd" : "", "#/alerts"),
      tile("running", o.running, "", "#/runs"), tile("finished", o.finished, "", "#/runs"),
      tile("failed", o.failed, o.failed ? "bad" : "", "#/runs"), tile("runs", o.runs_total, "", "#/runs")),
    o.daemon.channel_troubles.length ? card("Receivers in trouble", o.daemon.channel_troubles.map((t) => el("p", {}, trouble(t)))) : null,
    shown.length ? card("Alerts", shown.map((a) => alertCard(a, refresh)),
      o.alerts.length > shown.length ? el("p", {}, el("a", { href: "#/alerts" }, `All ${o.alerts.length} alerts`)) : null) : null,
    card("Runs", o.runs.length ? runsTable(o.runs.slice(0, 10)) : el("p", { class: "quiet" }, "No run yet."),
      o.runs_total > 10 ? el("p", {}, el("a", { href: "#/runs" }, `All ${whole(o.runs_total)} runs`)) : null),
    o.tasks.length ? card("Tasks", el("div", { class: "tasks" }, o.tasks.map(taskLine)),
      el("p", { class: "legend" }, [["full_finetune", "full fine-tuning"], ["lora", "LoRA"], ["other", "other methods"]].map(([m, text]) =>
        el("span", { class: "key" }, el("span", { class: `swatch m-${m}` }), text)))) : null,
    card("Sources", sourcesTable(o.sources)),
  ];
}
