// One chart: dygraphs draws the lines; marks, legend and the words for those who do not see it are ours. Its
// plugins that write markup with styles in it are left out: the page's policy forbids such markup.
import { el, name } from "./dom.js";
import { figure, number } from "./format.js";

const { Dygraph } = window;
const plugin = (one) => one !== Dygraph.Plugins.Legend && one !== Dygraph.Plugins.Annotations &&
  one !== Dygraph.Plugins.ChartLabels && one !== Dygraph.Plugins.RangeSelector;
if (Dygraph.PLUGINS) Dygraph.PLUGINS = Dygraph.PLUGINS.filter(plugin);

const css = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();
const palette = () => ["--line-1", "--line-2", "--line-3"].map(css);
const dashes = [null, [7, 3], [2, 3]];

/** Curves of different steps as one table: step, then a value or null for each. */
function rows(curves) {
  const at = new Map();
  curves.forEach((curve, i) => {
    for (const point of curve.points) {
      const step = point.step;
      if (!at.has(step)) at.set(step, [step, ...curves.map(() => null)]);
      const value = number(point.value);
      at.get(step)[i + 1] = Number.isFinite(value) ? value : NaN;
    }
  });
  const all = [...at.values()].sort((a, b) => a[0] - b[0]);
  return all.length ? all : [[0, ...curves.map(() => null)]];
}

function wordsOf(curve) {
  const real = curve.points.filter((p) => Number.isFinite(number(p.value)));
  const odd = curve.points.length - real.length;
  if (real.length === 0) return `${curve.metric}: no finite value`;
  let low = real[0], high = real[0];
  for (const p of real) { if (p.value < low.value) low = p; if (p.value > high.value) high = p; }
  const last = real.at(-1);
  return `${curve.metric}: ${curve.points_total.toLocaleString("en")} points, lowest ${figure(low.value)} at step ${figure(low.step)}, ` +
    `highest ${figure(high.value)} at step ${figure(high.step)}, last ${figure(last.value)} at step ${figure(last.step)}` +
    (odd ? `, ${odd} not finite` : "");
}

export class Chart {
  /** `flags`: [{number, step, metric, label, target}]; `target` is the id of what explains it. */
  constructor(title, metrics) {
    this.title = title;
    this.metrics = metrics;
    this.log = false;
    this.zoom = null;
    this.canvas = el("div", { class: "plot", "aria-hidden": "true" });
    this.marks = el("div", { class: "marks" });
    this.legend = el("p", { class: "legend", "aria-hidden": "true" });
    this.summary = el("p", { class: "unseen" });
    const button = (text, part) => el("button", { type: "button", "aria-label": `${title}: ${text}`, onclick: () => this.look(part) }, text);
    this.logBox = el("input", { type: "checkbox", onchange: (e) => { this.log = e.target.checked; this.graph?.updateOptions({ logscale: this.log }); } });
    this.element = el("figure", { class: "card chart", "aria-label": `Curves: ${title}`, "data-chart": title },
      el("figcaption", { class: "row" }, el("h2", {}, title), el("span", { class: "row end" },
        button("all", 0), button("last half", 0.5), button("last tenth", 0.9),
        el("label", {}, this.logBox, " log"))),
      this.legend, el("div", { class: "plotbox" }, this.canvas, this.marks), this.summary);
    this.observer = new ResizeObserver(() => this.graph?.resize());
    this.observer.observe(this.element);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => { if (this.graph) this.draw(this.curves, this.flags); };
    this.scheme.addEventListener("change", this.recolour);
  }

  draw(curves, flags) {
    this.curves = curves;
    this.flags = flags;
    const data = rows(curves);
    this.summary.textContent = curves.length ? curves.map(wordsOf).join(". ") : "no points yet";
    this.element.dataset.points = curves.reduce((n, c) => n + c.points.length, 0);
    this.element.dataset.last = data.at(-1)[0];
    const options = {
      file: data, labels: ["step", ...curves.map((c, i) => `${i}`)], colors: palette(), logscale: this.log,
      axisLineColor: css("--edge"), gridLineColor: css("--grid"),
    };
    curves.forEach((c, i) => { options.series = { ...options.series, [`${i}`]: { strokePattern: dashes[i] ?? null } }; });
    if (this.graph) this.graph.updateOptions(options);
    else this.create(options);
    this.told(null);
  }

  create(options) {
    const { file, ...rest } = options;
    this.graph = new Dygraph(this.canvas, file, {
      ...rest, legend: "never", connectSeparatedPoints: true, strokeWidth: 1.6, drawPoints: false, xRangePad: 6,
      axes: {
        x: { pixelsPerLabel: 70, axisLabelFormatter: (v) => figure(v) },
        y: { axisLabelWidth: 54, axisLabelFormatter: (v) => figure(v) },
      },
      highlightCircleSize: 4, animatedZooms: false, yRangePad: 12,
      highlightCallback: (event, step, points) => this.told(step, points),
      unhighlightCallback: () => this.told(null),
      drawCallback: (graph) => this.place(graph),
    });
  }

  /** The legend, with the values at a step or the newest. */
  told(step, points = []) {
    const values = new Map(points.map((p) => [Number(p.name), p.yval]));
    this.legend.replaceChildren(
      ...this.curves.map((curve, i) => el("span", { class: `key k${i + 1}` }, el("span", { class: "swatch" }), name(curve.metric), " ",
        el("b", {}, figure(step === null ? curve.points.at(-1)?.value : values.get(i) ?? null)))),
      el("span", { class: "quiet" }, step === null ? "newest" : `step ${figure(step)}`));
  }

  /** Marks are buttons over the picture, so that they can be reached without a mouse. */
  place(graph) {
    const [from, to] = graph.xAxisRange();
    const area = graph.getArea();
    const taken = [];
    const focused = this.marks.contains(document.activeElement) ? document.activeElement.dataset.flag : null;
    this.marks.replaceChildren(...(this.flags ?? []).filter((f) => f.step >= from && f.step <= to).map((flag) => {
      const curve = this.curves.find((c) => c.metric === flag.metric) ?? this.curves[0];
      const point = curve?.points.reduce((best, p) => (best && Math.abs(best.step - flag.step) <= Math.abs(p.step - flag.step) ? best : p), null);
      const value = number(point?.value);
      const shown = Number.isFinite(value) && (!this.log || value > 0);
      const [x, raw] = graph.toDomCoords(flag.step, shown ? value : graph.yAxisRange()[1]);
      let y = Math.max(area.y + 8, Math.min(area.y + area.h, shown ? raw : 0));
      // What happened at one moment stands in a pile, not under one another.
      const down = y < area.y + area.h / 2 ? 1 : -1;
      while (taken.some(([a, b]) => Math.abs(a - x) < 20 && Math.abs(b - y) < 22)) y += 22 * down;
      taken.push([x, y]);
      const mark = el("a", { class: `mark ${flag.severity}`, href: `#${flag.target}`, "aria-label": flag.label, title: flag.label, "data-flag": flag.number,
        onclick: (e) => { e.preventDefault(); const t = document.getElementById(flag.target); t?.scrollIntoView({ block: "center" }); t?.focus(); } }, `${flag.number}`);
      mark.style.left = `${x}px`;
      mark.style.top = `${y}px`;
      return mark;
    }));
    if (focused !== null) this.marks.querySelector(`[data-flag="${focused}"]`)?.focus({ preventScroll: true });
  }

  look(part) {
    const [first, last] = this.graph.xAxisExtremes();
    if (part === 0) this.graph.resetZoom();
    else this.graph.updateOptions({ dateWindow: [last - (last - first) * (1 - part), last] });
  }

  close() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
    this.graph?.destroy();
  }
}
