// Which view is shown, and when it is asked anew. A view is a function that asks and gives nodes, or (a run) an
// object that keeps itself up to date.
import { alertsView } from "./alerts_view.js";
import { ask, Refused, Unreachable } from "./api.js";
import { el, show, words } from "./dom.js";
import { filesView } from "./files_view.js";
import { tickAll } from "./format.js";
import { healthView } from "./health_view.js";
import { onNews, start } from "./live.js";
import { overviewView } from "./overview_view.js";
import { failure } from "./parts.js";
import { RunView } from "./run_view.js";
import { runsView } from "./runs_view.js";

const views = { "": ["Overview", overviewView], runs: ["Runs", runsView], alerts: ["Alerts", alertsView], files: ["Files", filesView], health: ["Health", healthView] };
const spacing = 1000; // between two rounds of questions, however much is told
const main = document.getElementById("main");
const footer = document.getElementById("footer");
let run = null; // the RunView that is shown
let asking = false, again = false, place = "";

localStorage.setItem("redflag.base", location.pathname);

function where() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let key = "";
  try { key = decodeURIComponent(rest.join("/")); } catch { /* no such run */ }
  return view === "run" ? { view, key } : { view: views[view] ? view : "", key: "" };
}

async function draw() {
  const { view, key } = where();
  if (view === "run") {
    if (run?.key !== key) {
      run?.close();
      run = new RunView(key);
    }
    if (!run.element.isConnected) main.replaceChildren(run.element); // a chart has to know its size from the start
    await run.refresh();
    return;
  }
  run?.close();
  run = null;
  const needs = view === "" || view === "files" || view === "health";
  const overview = needs ? await ask("v1/overview?runs=10") : null;
  const nodes = await views[view][1](refresh, overview);
  if (where().view !== view) return;
  tickAll(); // so that ages alone make no difference
  document.title = `${overview?.firing.critical ? `(${overview.firing.critical}) ` : ""}${views[view][0]} – redflag`;
  show(main, nodes);
  if (overview) show(footer, el("p", { class: "quiet" }, "redflag ", words(overview.daemon.version), " on ", words(overview.host.name || "this machine")));
}

/** Asks and draws; while it does, further wishes become one more round. */
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    await draw();
    main.removeAttribute("aria-busy");
  } catch (error) {
    // What may be over in a moment (no connection, a disk that is busy) does not wipe away what is in sight.
    const passing = error instanceof Unreachable || error.status >= 500;
    if (!passing || main.childElementCount === 0) show(main, failure(error));
    if (!(error instanceof Unreachable || error instanceof Refused)) throw error; // a mistake of ours: the console has it
  } finally {
    await new Promise((done) => setTimeout(done, spacing));
    asking = false;
    if (again) { again = false; refresh(); }
  }
}

function navigate() {
  const { view, key } = where();
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href").replace(/^#\/?/, "") === (view === "run" ? "runs" : view);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const now = `${view} ${key}`;
  if (place && place !== now) {
    main.setAttribute("aria-busy", "true");
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  place = now;
  asking = false; // a new place does not wait for the old one's turn
  refresh();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address's fragment says which view it is
  main.focus();
});
window.addEventListener("hashchange", navigate);
onNews((kind, data) => {
  // A run is asked anew when it has news, everything else when anything has.
  if (kind === "rows" && run && !data.more && !data.runs.includes(run.key)) return;
  if (kind === "overview" && run && data.reset === false) return;
  refresh();
});
setInterval(tickAll, 5000);
navigate();
start();
