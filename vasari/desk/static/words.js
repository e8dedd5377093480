// All that is read on a page: texts/en.json, and elements made of it. Text is only ever set as text.

let texts = {};

export async function load() {
  texts = await (await fetch(new URL("./texts/en.json", import.meta.url))).json();
}

// The text under a key, with {names} replaced; the key itself where there is none.
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const knows = (key) => key in texts;

// Fill in what a page marks with data-text and data-label.
export function fill(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}

// An element: attributes by name, listeners by on..., children that are elements or text; null children are left out.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return node;
}

// A technical word, with a line that explains it: opens with a click or a key.
export function term(key) {
  if (!knows(`why_${key}`)) return t(key);
  return el("details", { class: "why" }, el("summary", {}, t(key)), el("p", {}, t(`why_${key}`)));
}

export function day(iso) {
  const when = new Date(iso);
  if (!iso || Number.isNaN(+when)) return iso;
  const shown = { year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" };
  return t("utc", { when: new Intl.DateTimeFormat("en-GB", shown).format(when) });
}

export const percent = (share) => `${Math.round(100 * share)}%`;
export const seconds = (time) => t("seconds", { time: time.toFixed(1) });

export function size(bytes) {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / (1 << 20)).toFixed(1)} MB`;
}

// Give the reader a file that was made here.
export function save(name, kind, content) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type: kind })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
