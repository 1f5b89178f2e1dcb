// Server-sent events, and what to say when they do not come. A tab that nobody looks at holds no connection
// (a browser has six for one host), and asks for everything when it is looked at again.

const pill = document.getElementById("connection");
const listeners = new Set();
let source = null;
let since = null; // when the connection was lost
let timer = 0;

export const onNews = (listener) => listeners.add(listener);

function tell(kind, data) {
  for (const listener of listeners) listener(kind, data);
}

function connected() {
  since = null;
  pill.textContent = "live";
  pill.className = "pill good";
  document.body.classList.remove("stale");
}

function lost() {
  since ??= new Date();
  pill.textContent = `not connected since ${since.toLocaleTimeString("en-GB")}`;
  pill.className = "pill bad";
  document.body.classList.add("stale");
}

function open() {
  clearTimeout(timer);
  source?.close();
  source = new EventSource("v1/events");
  for (const kind of ["overview", "rows", "alerts"]) {
    source.addEventListener(kind, (event) => {
      connected();
      let data = {};
      try { data = JSON.parse(event.data); } catch { /* the next one will do */ }
      tell(kind, data);
    });
  }
  source.addEventListener("open", connected);
  source.addEventListener("error", () => {
    lost();
    // Refused outright (restart, too many pages): the browser does not come back by itself.
    if (source.readyState === EventSource.CLOSED) {
      tell("poll", {});
      timer = setTimeout(open, 5000);
    }
  });
}

export function start() {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      clearTimeout(timer);
      source?.close();
      source = null;
    } else {
      open();
    }
  });
  open();
}
