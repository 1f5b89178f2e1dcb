// One run: where it stands, what fires, its curves with the flagged points. It stays as long as the person looks
// at it, and is brought up to date in place: a chart that is being looked at is not made anew.
import { alertCard } from "./alerts_view.js";
import { ask, query, runPath } from "./api.js";
import { Chart } from "./chart.js";
import { el, name, plain, show, words } from "./dom.js";
import { ago, duration, figure } from "./format.js";
import { card, progress, state, table } from "./parts.js";

const groups = [["Loss", ["train_loss", "loss", "eval_loss"]], ["Learning rate", ["learning_rate"]], ["Gradient norm", ["gradient_norm_total"]]];
const scores = ["eval_accuracy", "eval_f1", "eval_exact_match", "accuracy", "f1"];

function facts(run) {
  const lines = [
    ["State", state(run.state)],
    ["Step", progress(run)],
    ["ETA", run.remaining_seconds === null ? "–" : duration(run.remaining_seconds)],
    ["Task", name(run.task || "–")], ["Method", name(run.method || "–")], ["Seed", run.seed ?? "–"],
    ["Score", run.score ? `${figure(run.score.value)} ${run.score.metric}` : "–"],
    ["Attempt", `${run.attempt}`],
    ["Newest row", ago(run.last_row_at)],
    ["Project", name(run.project || "–")],
  ];
  return el("dl", { class: "facts" }, lines.map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))));
}

function link(run) {
  let safe = null;
  try { const url = new URL(run.url); if (url.protocol === "https:" || url.protocol === "http:") safe = url.href; } catch { /* none */ }
  return safe ? el("p", {}, el("a", { href: safe, rel: "noopener noreferrer", target: "_blank" }, "Its page at W&B ↗")) : null;
}

/** Which point of which curve an alert is about. */
function flagOf(alert, i) {
  const metrics = (alert.evidence ?? []).map((e) => e.metric);
  return {
    number: i + 1, step: alert.since_step ?? alert.step ?? -1, metrics, metric: metrics[0], severity: alert.severity,
    label: plain(`${i + 1}: ${alert.severity} ${alert.rule} at step ${alert.step}: ${alert.message}`), target: `flag-${alert.id}`,
  };
}

export class RunView {
  constructor(key) {
    this.key = key;
    this.charts = new Map();
    this.top = el("div");
    this.area = el("div", { class: "charts" });
    this.flagged = el("div");
    this.bottom = el("div");
    this.more = el("select", { id: "more-metric", onchange: () => { this.extra = this.more.value; this.refresh(); } });
    this.element = el("div", {}, this.top, this.area,
      el("p", { class: "row" }, el("label", { for: "more-metric" }, "Another metric"), this.more), this.flagged, this.bottom);
    this.extra = "";
  }

  async refresh() {
    const answer = await ask(runPath(this.key));
    const run = answer.run ?? answer;
    const alerts = (await ask(`v1/alerts${query({ limit: 1000 })}`)).alerts.filter((a) => a.run_key === run.key);
    const has = new Set(run.latest.map((l) => l.metric));
    this.metricsOffered(run);
    const shown = groups.map(([title, metrics]) => [title, metrics.filter((m) => has.has(m))]);
    // "loss" is what is drawn when there is no train_loss.
    if (shown[0][1].includes("train_loss")) shown[0][1] = shown[0][1].filter((m) => m !== "loss");
    const score = scores.filter((m) => has.has(m)).slice(0, 3);
    shown.push(["Score", score]);
    if (this.extra) shown.push([this.extra, [this.extra]]);
    const wanted = [...new Set(shown.flatMap(([, metrics]) => metrics))];
    const curves = wanted.length ? (await this.curves(wanted)) : [];
    const firing = alerts.filter((a) => a.state === "firing" || a.state === "pending");
    const flags = alerts.map(flagOf);
    show(this.top, el("h1", {}, name(run.name)), link(run), card("Now", facts(run)));
    this.draw(shown, curves, flags);
    show(this.flagged, alerts.length ? card("Flagged points",
      el("p", { class: "quiet" }, firing.length ? `${firing.length} of ${alerts.length} still there` : "all over"),
      alerts.map((a, i) => el("div", { id: `flag-${a.id}`, tabindex: "-1", class: "flagged" },
        el("span", { class: `mark still ${a.severity}`, "aria-hidden": "true" }, `${i + 1}`), alertCard(a, () => this.refresh()))))
      : card("Flagged points", el("p", { class: "quiet" }, "None: no rule has found anything in this run.")));
    show(this.bottom, card("Newest values", table("Newest values", [["Metric"], ["Value", "number"], ["Step", "number"]],
      run.latest.map((l) => [name(l.metric), figure(l.value, 5), figure(l.step)]), "no metric yet")));
    document.title = `${plain(run.name)} – redflag`;
  }

  async curves(metrics) {
    const answer = await ask(`${runPath(this.key)}/curves?${metrics.map((m) => `metric=${encodeURIComponent(m)}`).join("&")}&points=1000`);
    return answer.curves;
  }

  metricsOffered(run) {
    const names = ["", ...run.latest.map((l) => l.metric)];
    if (names.join("\n") === this.offered) return;
    this.offered = names.join("\n");
    this.more.replaceChildren(...names.map((m) => el("option", { value: m, selected: m === this.extra }, m ? plain(m) : "choose…")));
  }

  draw(shown, curves, flags) {
    const titles = new Set();
    const placed = new Set();
    for (const [title, metrics] of shown) {
      const mine = metrics.map((m) => curves.find((c) => c.metric === m)).filter((c) => c && c.points.length);
      if (mine.length === 0) continue;
      titles.add(title);
      if (!this.charts.has(title)) {
        const chart = new Chart(title, metrics);
        this.charts.set(title, chart);
        this.area.append(chart.element);
      }
      const here = flags.filter((f) => f.metrics.some((m) => metrics.includes(m)));
      here.forEach((f) => placed.add(f));
      // What is about no curve that is drawn (a crash, a stall) stands on the first chart, where it happened.
      const stray = title === "Loss" ? flags.filter((f) => !f.metrics.some((m) => shown.some(([, all]) => all.includes(m)))) : [];
      this.charts.get(title).draw(mine, [...here, ...stray].filter((f) => f.step >= 0)
        .map((f) => ({ ...f, metric: f.metrics.find((m) => metrics.includes(m)) ?? mine[0].metric })));
    }
    for (const [title, chart] of this.charts) {
      if (titles.has(title)) continue;
      chart.close();
      chart.element.remove();
      this.charts.delete(title);
    }
    if (titles.size === 0) show(this.area, el("p", { class: "card quiet" }, "No curve yet."));
    else this.area.querySelector(":scope > p")?.remove();
  }

  close() {
    for (const chart of this.charts.values()) chart.close();
  }
}
