// Runs in the page, for tests/campaigns/page.py: what is wrong with it for those who cannot see or point.
// Gives a list of sentences; empty: nothing.
const wrong = [];
const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length > 0;
const what = (e) => `<${e.tagName.toLowerCase()} class="${e.getAttribute("class") ?? ""}"> "${(e.textContent ?? "").trim().slice(0, 40)}"`;

// --- contrast: every text against what lies behind it (WCAG 2.1: 4.5, large text 3) ---
const parse = (c) => { const m = /rgba?\(([^)]+)\)/.exec(c); if (!m) return null; const p = m[1].split(/[ ,/]+/).map(Number); return { r: p[0], g: p[1], b: p[2], a: p[3] ?? 1 }; };
const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
const light = ({ r, g, b }) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
function ground(e) {
  const layers = [];
  for (let at = e; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c && c.a > 0) { layers.push(c); if (c.a === 1) break; } }
  let base = { r: 255, g: 255, b: 255, a: 1 };
  for (const layer of layers.reverse()) base = over(layer, base);
  return base;
}
let texts = 0, least = 99;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !seen(e) || e.closest("svg, noscript, .unseen, [disabled], option")) continue;
  const style = getComputedStyle(e), size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const back = ground(e), r = ratio(over(parse(style.color), back), back);
  ++texts;
  least = Math.min(least, r);
  if (r < (large ? 3 : 4.5)) wrong.push(`contrast ${r.toFixed(2)}: ${what(e)}`);
}

// --- names of controls and pictures ---
const name = (e) => (e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") ?? "").split(" ").map((i) => document.getElementById(i)?.textContent ?? "").join(" ").trim() ||
  [...(e.labels ?? [])].map((l) => l.textContent).join(" ").trim() || e.textContent || e.getAttribute("title") || "").trim();
for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, dialog[open], [role=img], [role=region]")) if (seen(e) && !name(e)) wrong.push(`no name: ${what(e)}`);
for (const e of document.querySelectorAll("img:not([alt])")) wrong.push(`no alt: ${what(e)}`);
for (const e of document.querySelectorAll("svg")) if (seen(e) && !e.getAttribute("aria-label") && !e.closest("[aria-hidden]")) wrong.push(`no label: ${what(e)}`);

// --- structure ---
if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} headings of the first level`);
if (document.querySelectorAll("main").length !== 1) wrong.push("no one <main>");
if (!document.documentElement.lang) wrong.push("no language");
for (const t of document.querySelectorAll("table")) {
  if (!t.getAttribute("aria-label") && !t.caption) wrong.push("a table without a name");
  for (const h of t.querySelectorAll("th")) if (!h.scope) wrong.push(`a heading without scope: ${what(h)}`);
}
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) wrong.push(`the id ${id} twice`);
for (const e of document.querySelectorAll("[tabindex]")) if (Number(e.getAttribute("tabindex")) > 0) wrong.push(`an order of its own: ${what(e)}`);
let last = 0;
for (const h of document.querySelectorAll("h1, h2, h3")) { const level = Number(h.tagName[1]); if (level > last + 1) wrong.push(`a heading skips a level: ${what(h)}`); last = level; }

// --- width ---
if (document.documentElement.scrollWidth > innerWidth) wrong.push(`${document.documentElement.scrollWidth} px wide in a window of ${innerWidth}`);
return { wrong, texts, least };
