// Small pieces that several views are made of. What a colour says, a sign or a word says too.
import { el, svg, name, words } from "./dom.js";
import { figure, number } from "./format.js";

export const severities = { critical: "✖", warning: "▲", info: "●" };

export const severity = (kind) =>
  el("span", { class: `tag ${kind}` }, el("span", { "aria-hidden": "true" }, `${severities[kind] ?? "●"} `), kind);

const states = { running: "▶", finished: "✔", failed: "✖", crashed: "✖", killed: "✖", pending: "…", preempted: "‖", preempting: "‖", unknown: "?" };

export const state = (kind) =>
  el("span", { class: `state ${kind}` }, el("span", { "aria-hidden": "true" }, `${states[kind] ?? "?"} `), kind);

export function card(title, ...content) {
  const id = `card-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), content);
}

/** "✖ 2  ▲ 1", or nothing. */
export function counts(alerts) {
  return Object.keys(severities).filter((kind) => alerts?.[kind] > 0).map((kind) =>
    el("span", { class: `tag ${kind}`, title: `${alerts[kind]} ${kind}` },
      el("span", { "aria-hidden": "true" }, `${severities[kind]} `), `${alerts[kind]}`,
      el("span", { class: "unseen" }, ` ${kind} alerts `)));
}

/** A curve as wide as a word. Values that are no numbers leave a gap and a mark. */
export function sparkline(values, label = "") {
  const width = 88, height = 20;
  const all = values.map(number);
  const real = all.filter(Number.isFinite);
  const picture = svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label || "curve" });
  if (real.length === 0) return picture;
  const low = Math.min(...real), span = Math.max(...real) - low || 1;
  const x = (i) => (all.length < 2 ? width / 2 : 1 + (i * (width - 2)) / (all.length - 1));
  const y = (v) => height - 2 - ((v - low) / span) * (height - 4);
  let path = "", pen = false;
  all.forEach((v, i) => {
    if (!Number.isFinite(v)) { pen = false; picture.append(svg("circle", { class: "gap", cx: x(i), cy: 3, r: 2 })); return; }
    path += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = true;
  });
  picture.append(svg("path", { d: path }));
  return picture;
}

/** Table with roles and headings; rows are arrays of cells, a cell is a node, a text or [node, class]. */
export function table(label, heads, rows, empty = "none") {
  if (rows.length === 0) return el("p", { class: "quiet" }, empty);
  const cell = (tag, content, i) => {
    const [inner, kind] = Array.isArray(content) && typeof content[1] === "string" ? content : [content, ""];
    const all = [heads[i]?.[1], kind].filter(Boolean).join(" ");
    return el(tag, { class: all || null, scope: tag === "th" ? "row" : null }, inner);
  };
  return el("table", { "aria-label": label },
    el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { scope: "col", class: kind || null }, text)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((c, i) => cell(i === 0 ? "th" : "td", c, i))))));
}

export const runLink = (key, text) => el("a", { href: `#/run/${encodeURIComponent(key)}`, "data-id": `run ${key}` }, name(text));

/** "step 400 of 1,200 (33 %)" */
export function progress(run) {
  if (run.step < 0) return "–";
  if (!(run.total_steps > 0)) return figure(run.step);
  const share = Math.min(100, Math.round((100 * run.step) / run.total_steps));
  return [`${figure(run.step)} / ${figure(run.total_steps)}`, el("span", { class: "quiet" }, ` ${share} %`)];
}

export const trouble = (text) => el("span", { class: "trouble" }, words(text));

export function failure(error) {
  return el("p", { class: "card trouble", role: "alert", "data-failure": "" }, words(error.message), error.advice ? el("span", { class: "quiet" }, ` ${error.advice}`) : null);
}
