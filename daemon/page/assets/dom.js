// Elements from values. Everything that comes from outside becomes a text node here; nothing becomes markup.

/** el("p", {class: "x", onclick: f, "aria-label": "y"}, "text", node, [more], null) */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Control, direction and invisible characters: they would move, hide or turn what stands beside them.
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|\udb40[\udc00-\udfff]/g;

/** The text with what cannot be seen written out: "a\u202eb" → "a⟨U+202E⟩b". */
export function plain(text) {
  return String(text ?? "").replace(unseen,
    (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** A name from outside, isolated in its direction. */
export function name(text, attributes = {}) {
  return el("bdi", attributes, plain(text) || "(no name)");
}

/** A few words from outside: a message, a hint, a trouble. */
export const words = (text) => el("bdi", {}, plain(text));

const known = (e) => e.dataset.id || e.id || e.getAttribute("href") || e.getAttribute("aria-label") || undefined;

const alike = (a, b) => a.nodeType === 1 && a.nodeName === b.nodeName && a.attributes.length === b.attributes.length &&
  [...a.attributes].every((x) => b.getAttribute(x.name) === x.value);

/** Only what differs is replaced: what somebody presses or marks at this moment is not taken away. What stays keeps
 *  its listeners, so these may depend on nothing that its attributes do not tell. */
function patch(parent, fresh) {
  const old = [...parent.childNodes];
  fresh.forEach((node, i) => {
    const was = old[i];
    if (!was) parent.append(node);
    else if (was.isEqualNode(node)) return;
    else if (alike(was, node)) patch(was, [...node.childNodes]);
    else was.replaceWith(node);
  });
  for (const rest of old.slice(fresh.length)) rest.remove();
}

/** Puts new children into `parent`; where the person was (focus, what is open, scrolled) stays. */
export function show(parent, ...children) {
  const active = document.activeElement;
  const focus = parent !== active && parent.contains(active) ? known(active) : undefined;
  const selection = active?.selectionStart === undefined ? null : [active.selectionStart, active.selectionEnd];
  const open = new Set([...parent.querySelectorAll("details[open][data-id]")].map((d) => d.dataset.id));
  const scrolled = new Map([...parent.querySelectorAll(".scroll[data-id]")].map((s) => [s.dataset.id, s.scrollLeft]));
  patch(parent, children.flat(Infinity).filter(Boolean));
  for (const details of parent.querySelectorAll("details[data-id]")) if (open.has(details.dataset.id)) details.open = true;
  for (const box of parent.querySelectorAll(".scroll[data-id]")) {
    if (scrolled.has(box.dataset.id)) box.scrollLeft = scrolled.get(box.dataset.id);
  }
  if (focus === undefined) return;
  const again = [...parent.querySelectorAll("a, button, input, select, [tabindex]")].find((e) => known(e) === focus);
  again?.focus({ preventScroll: true });
  if (selection?.[0] !== null && again?.setSelectionRange) try { again.setSelectionRange(...selection); } catch { /* no text field */ }
}

/** Tells those who listen rather than look. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
