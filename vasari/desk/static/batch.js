// Many files: a table that fills, sorts, filters and goes out as CSV.

import { chip } from "./answer.js";
import { el, knows, percent, save, t } from "./words.js";

const COLUMNS = ["file", "verdict", "sentence", "signer", "estimate"];
const ORDER = ["tampered", "synthetic", "failed", "nothing_found", "known_maker", "running", "waiting"];

// Cells that a spreadsheet would take for a formula are made text.
const cell = (value) => `"${(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;

function valuesOf({ name, state, given, detail }) {
  const triage = given?.record.triage;
  const chance = triage?.detection?.probability;
  return {
    file: name, verdict: triage?.verdict ?? state, sentence: triage?.summary ?? detail ?? "",
    signer: triage?.provenance.credentials.signer || triage?.provenance.origin?.recovered?.signer || "",
    estimate: chance == null ? "" : triage.settled ? `(${percent(chance)})` : percent(chance),
  };
}

// Fill `place`; `open(item)` shows one. Returns what draws it anew.
export function batch(place, items, open) {
  let [by, down, wanted, only] = ["", false, "", ""];
  const caption = el("caption", {});
  const body = el("tbody", {});
  const heads = COLUMNS.map((column) => el("th", { scope: "col" }, el("button", { type: "button", class: "plain", onclick: () => {
    down = by === column && !down;
    by = column;
    draw();
  } }, t(`column_${column}`))));
  const find = el("input", { type: "search", id: "find", oninput: () => { wanted = find.value.toLowerCase(); draw(); } });
  const pick = el("select", { id: "pick", onchange: () => { only = pick.value; draw(); } },
    el("option", { value: "" }, t("all_verdicts")), ORDER.slice(0, 5).map((value) => el("option", { value }, t(`verdict_${value}`))));
  const csv = () => {
    const rows = rowsNow().map(([, values]) => COLUMNS.map((column) => cell(String(values[column]))).join(","));
    save("vasari.csv", "text/csv", [COLUMNS.join(","), ...rows].join("\r\n"));
  };
  place.replaceChildren(el("div", { class: "row tools" },
    el("label", { for: "find" }, t("find")), find, el("label", { for: "pick" }, t("column_verdict")), pick,
    el("button", { type: "button", onclick: csv }, t("csv"))),
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("table") },
      el("table", {}, caption, el("thead", {}, el("tr", {}, heads)), body)));

  function rowsNow() {
    const rows = items.map((item) => [item, valuesOf(item)]).filter(([, values]) =>
      (!only || values.verdict === only) && Object.values(values).join(" ").toLowerCase().includes(wanted));
    if (!by) return rows;
    const rank = (values) => (by === "verdict" ? ORDER.indexOf(values.verdict) : values[by]);
    const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
    return rows.sort(([, a], [, b]) => (down ? -1 : 1) * compare(rank(a), rank(b)));
  }

  function draw() {
    const done = items.filter(({ state }) => ["done", "failed"].includes(state)).length;
    caption.textContent = t("of_done", { done, all: items.length });
    heads.forEach((head, at) => head.setAttribute("aria-sort", COLUMNS[at] !== by ? "none" : down ? "descending" : "ascending"));
    body.replaceChildren(...rowsNow().map(([item, values]) => el("tr", {},
      el("th", { scope: "row" }, item.given ? el("button", { type: "button", class: "plain", onclick: () => open(item) }, values.file) : values.file),
      el("td", {}, knows(`verdict_${values.verdict}`) ? chip(values.verdict) : values.verdict),
      el("td", {}, values.sentence), el("td", {}, values.signer), el("td", { class: "number" }, values.estimate))));
  }

  draw();
  return draw;
}
