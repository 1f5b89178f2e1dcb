// The runs, a page at a time: the daemon filters and sorts, so five thousand cost what fifty do.
import { ask, query } from "./api.js";
import { el, name } from "./dom.js";
import { ago, duration, figure, whole } from "./format.js";
import { counts, progress, runLink, sparkline, state } from "./parts.js";

const size = 50;
const wanted = { text: "", state: "", sort: "", descending: "", offset: 0 };

/** The rows of a table of runs; also for the overview. */
export function runsTable(runs, heads = null) {
  const columns = [["name", "Run", ""], ["state", "State", ""], ["step", "Step", "wide"], ["remaining", "ETA", "wide"],
    ["loss", "Loss", "number"], ["curve", "Curve", "wide"], ["alerts", "Alerts", ""]];
  const head = ([key, text, kind]) => el("th", { scope: "col", class: kind || null, "aria-sort": heads?.sorted(key) ?? null },
    heads?.sortable(key) ? el("button", { class: "sort", "data-id": `sort ${key}`, onclick: () => heads.by(key) }, text, heads.sign(key)) : text);
  return el("table", { "aria-label": "Runs", class: "runs" },
    el("thead", {}, el("tr", {}, columns.map(head))),
    el("tbody", {}, runs.map((run) => el("tr", { "data-run": run.key },
      el("th", { scope: "row" }, runLink(run.key, run.name),
        el("span", { class: "sub" }, [run.task, run.method, run.seed !== null && run.seed !== undefined ? `seed ${run.seed}` : ""].filter(Boolean)
          .flatMap((t, i) => [i ? " · " : "", name(t)]))),
      el("td", {}, state(run.state), run.state === "running" ? null : el("span", { class: "sub" }, ago(run.last_row_at ?? run.heartbeat_at, ""))),
      el("td", { class: "wide" }, progress(run)),
      el("td", { class: "wide" }, run.remaining_seconds === null || run.remaining_seconds === undefined ? "–" : duration(run.remaining_seconds)),
      el("td", { class: "number" }, run.loss?.length ? figure(run.loss.at(-1)) : "–"),
      el("td", { class: "wide" }, run.loss?.length > 1 ? sparkline(run.loss, `loss from ${figure(run.loss[0])} to ${figure(run.loss.at(-1))}`) : null),
      el("td", {}, counts(run.alerts))))));
}

function controls(refresh, answer) {
  const change = (values) => { Object.assign(wanted, values); refresh(); };
  let timer = 0;
  const text = el("input", {
    id: "run-text", type: "search", "data-id": "run-text", value: wanted.text, autocomplete: "off", placeholder: "name, task, method, tag",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => change({ text: text.value, offset: 0 }), 200); },
  });
  const states = el("select", { id: "run-state", "data-id": "run-state", onchange: () => change({ state: states.value, offset: 0 }) },
    [["", "all states"], ["live", "running"], ["finished", "finished"], ["failed", "failed, crashed, killed"], ["flagged", "with alerts"]]
      .map(([value, label]) => el("option", { value, selected: value === wanted.state }, label)));
  const last = Math.max(0, Math.floor((answer.matching - 1) / size) * size);
  const go = (id, label, by, off) => el("button", { "data-id": id, disabled: off, onclick: () => change({ offset: Math.max(0, wanted.offset + by) }) }, label);
  return el("div", { class: "row controls" },
    el("label", { for: "run-text", class: "unseen" }, "Find"), text,
    el("label", { for: "run-state", class: "unseen" }, "State"), states,
    el("span", { role: "status", class: "quiet" }, answer.matching
      ? `${whole(answer.offset + 1)}–${whole(answer.offset + answer.runs.length)} of ${whole(answer.matching)}` : "no run fits"),
    go("newer", "Back", -size, wanted.offset === 0),
    go("older", "Next", size, wanted.offset >= last));
}

export async function runsView(refresh) {
  const answer = await ask(`v1/page/runs${query({ ...wanted, limit: size })}`);
  wanted.offset = answer.offset;
  const heads = {
    sortable: (key) => key !== "curve",
    sorted: (key) => (wanted.sort === key ? (wanted.descending ? "descending" : "ascending") : null),
    sign: (key) => (wanted.sort === key ? (wanted.descending ? " ▼" : " ▲") : ""),
    by: (key) => {
      if (wanted.sort !== key) Object.assign(wanted, { sort: key, descending: "", offset: 0 });
      else if (!wanted.descending) Object.assign(wanted, { descending: 1, offset: 0 });
      else Object.assign(wanted, { sort: "", descending: "", offset: 0 });
      refresh();
    },
  };
  return [el("h1", {}, "Runs"), el("section", { class: "card", "aria-label": "Runs" }, controls(refresh, answer), runsTable(answer.runs, heads))];
}
