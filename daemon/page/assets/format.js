// Numbers and times as people read them.
import { el } from "./dom.js";

/** What JSON cannot say as a number comes as a text: "NaN", "Infinity". */
export const number = (value) => (typeof value === "string" ? Number(value) : value);

export function figure(value, digits = 3) {
  const n = number(value);
  if (n === null || n === undefined) return "–";
  if (Number.isNaN(n)) return "NaN";
  if (!Number.isFinite(n)) return n > 0 ? "∞" : "−∞";
  const size = Math.abs(n);
  if (n !== 0 && (size < 1e-3 || size >= 1e6)) return n.toExponential(digits - 1).replace("e+", "e");
  if (Number.isInteger(n)) return n.toLocaleString("en");
  return String(Number(n.toPrecision(Math.max(digits, Math.ceil(Math.log10(size + 1))))));
}

export const whole = (n) => Number(n).toLocaleString("en");

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return m < 10 && s % 60 ? `${m} min ${s % 60} s` : `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 48) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}

export function bytes(n) {
  if (!n) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; ++i; }
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

const agoText = (time) => `${duration((Date.now() - Date.parse(time)) / 1000)} ago`;

/** "3 min ago", which goes on counting. */
export function ago(time, never = "never") {
  if (!time) return never;
  return el("time", { datetime: time, title: new Date(time).toString(), "data-ago": time }, agoText(time));
}

export function tickAll() {
  for (const each of document.querySelectorAll("[data-ago]")) {
    const text = agoText(each.dataset.ago);
    if (each.textContent !== text) each.textContent = text;
  }
}
