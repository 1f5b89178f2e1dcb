// Representations and checkpoints: a row for each series, a column for each step. A cell says what it is by its
// sign, by its colour and, for those who hear it, in words.
import { ask } from "./api.js";
import { el, name, plain, words } from "./dom.js";
import { bytes, whole } from "./format.js";
import { card, trouble } from "./parts.js";

const signs = { ok: "✓", bad: "✗", in_progress: "…", unchecked: "?", missing: "–" };
const wordsFor = { ok: "good", bad: "bad", in_progress: "being written", unchecked: "not checked", missing: "missing" };
const mostColumns = 60;

const title = (series) => plain(series.dir).split("/").filter(Boolean).at(-1) ?? plain(series.dir);
const stepName = (step) => (step < 0 ? "final" : whole(step));

function grid(label, all, id) {
  const steps = [...new Set(all.flatMap((s) => [...s.cells.map((c) => c.step), ...s.missing]))]
    .sort((a, b) => (a < 0) - (b < 0) || a - b);
  const shown = steps.slice(-mostColumns);
  const row = (series) => {
    const at = new Map(series.cells.map((c) => [c.step, c]));
    for (const step of series.missing) if (!at.has(step)) at.set(step, { step, state: "missing", detail: "" });
    return el("tr", {}, el("th", { scope: "row", title: plain(series.dir) }, name(title(series))),
      shown.map((step) => {
        const cell = at.get(step);
        if (!cell) return el("td", {}, el("span", { class: "unseen" }, "none"));
        const text = `${title(series)}, ${stepName(step)}: ${wordsFor[cell.state]}${cell.detail ? `: ${plain(cell.detail)}` : ""}`;
        return el("td", {}, el("span", { class: `cell ${cell.state}`, role: "img", "aria-label": text, title: text }, signs[cell.state]));
      }));
  };
  return [
    steps.length > shown.length ? el("p", { class: "quiet" }, `the last ${mostColumns} of ${steps.length} steps`) : null,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label, "data-id": id },
      el("table", { "aria-label": label, class: "grid" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Series"), shown.map((s) => el("th", { scope: "col" }, stepName(s))))),
        el("tbody", {}, all.map(row)))),
    wrong(all),
  ];
}

/** What a cell is too small to say. */
function wrong(all) {
  const lines = all.flatMap((s) => [
    ...s.cells.filter((c) => c.state === "bad").map((c) => [s, `${stepName(c.step)}: `, c.detail]),
    ...(s.missing_count > 0 ? [[s, "", `${whole(s.missing_count)} step${s.missing_count === 1 ? "" : "s"} missing: ${s.missing.slice(0, 12).map(whole).join(", ")}${s.missing_count > 12 ? ", …" : ""}`]] : []),
    ...(s.has_base === false ? [[s, "", "the base model's representations of this task are missing"]] : []),
    ...(s.regular === false && !s.missing_count ? [[s, "", "the steps are not evenly spaced"]] : []),
  ]);
  if (lines.length === 0) return null;
  return el("ul", { class: "wrong" }, lines.slice(0, 100).map(([s, step, what]) =>
    el("li", {}, name(title(s)), " ", step, trouble(what))));
}

const legend = () => el("p", { class: "legend" }, Object.entries(signs).map(([state, sign]) =>
  el("span", { class: "key" }, el("span", { class: `cell ${state}`, "aria-hidden": "true" }, sign), ` ${wordsFor[state]} `)));

function root(results, i) {
  const s = results.summary;
  const used = results.disk_total_bytes ? 100 - Math.round((100 * results.disk_free_bytes) / results.disk_total_bytes) : null;
  return [
    el("section", { class: "card", "aria-label": results.root },
      el("h2", {}, name(results.root)),
      !results.present ? el("p", {}, trouble("This directory is not there."))
        : el("p", {}, `${whole(s.experiments)} experiments, ${whole(s.checkpoints)} checkpoints, ${whole(s.representation_steps)} extraction steps, ${whole(s.files)} files`,
          s.bad ? [", ", trouble(`${whole(s.bad)} bad`)] : ", none bad"),
      el("p", { class: "quiet" }, results.watching, results.listed ? "" : ", being read for the first time",
        results.degraded ? [": ", words(results.degraded)] : null,
        used === null ? null : `; disk ${used} % full, ${bytes(results.disk_free_bytes)} free`)),
    card("Representations", results.representations.length ? grid("Representations: series and steps", results.representations, `rep ${i}`) : el("p", { class: "quiet" }, "none")),
    card("Checkpoints", results.checkpoints.length ? grid("Checkpoints: runs and steps", results.checkpoints, `chk ${i}`) : el("p", { class: "quiet" }, "none")),
  ];
}

export async function filesView(refresh, overview) {
  const all = overview.results;
  return [el("h1", {}, "Files"),
    all.length ? [el("div", { class: "card" }, legend()), all.map(root)]
      : el("p", { class: "card quiet" }, "No results directory is watched: name one in results.roots.")];
}
