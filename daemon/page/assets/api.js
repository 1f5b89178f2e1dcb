// Questions to the daemon: the same JSON as `curl` gets at its socket (docs/api.md), below this page's path.

export class Refused extends Error {
  constructor(status, error) {
    super(error?.what ?? `the daemon answered ${status}`);
    this.status = status;
    this.advice = error?.advice ?? "";
  }
}

/** Nobody answered. fetch() says so with a TypeError, as a mistake in a view does, too. */
export class Unreachable extends Error {}

export async function ask(path, { method = "GET", body } = {}) {
  const options = { method, headers: {}, credentials: "same-origin", cache: "no-store" };
  if (method !== "GET") {
    options.headers["X-Redflag"] = "page";
    if (body !== undefined) options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options).catch((error) => { throw new Unreachable(error.message); });
  if (answer.status === 401) {
    location.replace("/?ended");
    return new Promise(() => {});
  }
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, json?.error);
  return json;
}

export const query = (values) => {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== "" && value !== null && value !== undefined) parts.set(key, value);
  }
  const text = parts.toString();
  return text ? `?${text}` : "";
};

export const runPath = (key) => `v1/runs/${encodeURIComponent(key)}`;
