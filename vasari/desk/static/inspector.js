// The inspector: files come in, go to the desk one by one, and what is found is shown.

import { answer } from "./answer.js";
import { answerOf, inspect, meet } from "./ask.js";
import { batch } from "./batch.js";
import { compare } from "./compare.js";
import { el, fill, load, size, t } from "./words.js";

const PHASES = ["upload", "credentials", "marks", "detector"];
const AGAIN = 3000; // ms until a desk that was full is asked again
const $ = (id) => document.getElementById(id);
const words = load();
let desk = {};
let going = null; // what is being looked at: {cancel}
let queue = []; // {file or source, name, state, given, detail}
let redraw = () => {}; // the table of many

function tell(text) {
  $("said").textContent = text;
}

function refuse(text) {
  $("refused").textContent = text;
  $("refused").hidden = !text;
}

// The list of phases, each done, going or ahead; `so far` is what facts say while the detector still looks.
function progress(name, source) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": t("phase_upload") });
  const steps = PHASES.map((phase) => el("li", {}, t(source && phase === "upload" ? "phase_fetch" : `phase_${phase}`)));
  const note = el("p", { class: "quiet" });
  const stop = el("button", { type: "button", onclick: () => going?.cancel() }, t("cancel"));
  $("progress").replaceChildren(el("h2", {}, t("looking", { name })), el("ol", { class: "steps" }, steps), bar, note, stop);
  $("progress").hidden = false;
  let last = "";
  return (line) => {
    if (line.phase === "upload") bar.value = line.share;
    const at = PHASES.indexOf(line.phase === "fetch" ? "upload" : line.phase);
    bar.hidden = line.phase !== "upload" || line.share >= 1;
    if (line.phase === "waiting") note.textContent = t("waiting", { n: line.ahead });
    if (line.phase === "starting") note.textContent = t("starting");
    if (at < 0) return;
    steps.forEach((step, k) => {
      step.className = k < at ? "done" : k === at ? "now" : "";
      if (k === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    if (line.phase !== "upload") note.textContent = line.so_far ? t("so_far", { summary: line.so_far }) : "";
    if (line.phase !== last) tell(steps[at].textContent);
    last = line.phase;
  };
}

async function look(item) {
  const show = progress(item.name, item.source);
  item.state = "running";
  for (;;) {
    going = inspect(item, (line) => {
      show(line);
      if (line.early && queue.length === 1) early(item, line.early);
    });
    try {
      const { record, seal, report } = await going.done;
      item.given = { record: JSON.parse(record), raw: record, seal, report, desk };
      item.state = "done";
      return;
    } catch (error) {
      if (error.busy) {
        tell(t("busy"));
        let stopped = false;
        await new Promise((resolve) => {
          setTimeout(resolve, AGAIN);
          going = { cancel: () => { stopped = true; resolve(); } };
        });
        if (!stopped) continue;
        error.cancelled = true;
      }
      item.given = null;
      $("answer").hidden = true;
      item.state = error.cancelled ? "cancelled" : "failed";
      item.detail = error.cancelled ? t("cancelled") : error.message || t("failed");
      return;
    } finally {
      going = null;
    }
  }
}

function open(item) {
  const fresh = $("answer").hidden;
  answer($("answer"), item, tell);
  $("answer").hidden = false;
  document.body.classList.add("answered");
  if (fresh || item !== queue[0]) $("answer").focus();
  tell(item.given.record.triage.summary);
}

// Facts are shown while the detector still looks.
function early(item, record) {
  item.given = { record: { ...record, pending: true } };
  open(item);
}

// Look at what was given, in its order; one is shown at once, several as a table. What comes before the desk has
// answered for the first time waits for it.
async function take(items) {
  if (!items.length || !(await met)) return;
  refuse("");
  const running = queue.length > 0;
  const many = items.length > 1 || running;
  if (running) queue.push(...items);
  else queue = items;
  redraw = many ? batch($("batch"), queue, open) : () => {};
  $("batch").hidden = !many;
  $("answer").hidden = true;
  if (running) return;
  document.body.classList.add("busy");
  for (let at = 0; at < queue.length; at += 1) {
    const item = queue[at];
    if (item.file?.size > desk.largest) Object.assign(item, { state: "failed", detail: t("too_large", { size: size(desk.largest) }) });
    else await look(item);
    redraw();
  }
  document.body.classList.remove("busy");
  $("progress").hidden = true;
  const [first] = queue;
  if (queue.length === 1 && first.given) open(first);
  else if (queue.length === 1) refuse(`${first.name}: ${first.detail.replace(`${first.name}: `, "")}`);
  else tell(t("all_done"));
  const seen = queue.filter(({ file, given }) => file && given && ["picture", "video"].includes(given.record.media.kind));
  if (queue.length > 1 && seen.length > 1) $("batch").append(compare(seen));
  queue = [];
}

const fromFiles = (files) => [...files].map((file) => ({ file, name: file.name, state: "waiting" }));

function listen() {
  const drop = $("drop");
  const chosen = () => {
    take(fromFiles($("file").files));
    $("file").value = "";
  };
  $("file").addEventListener("change", chosen);
  chosen(); // before this script was here
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(fromFiles(event.dataTransfer.files));
  });
  document.addEventListener("paste", (event) => take(fromFiles(event.clipboardData.files)));
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const source = $("source").value.trim();
    if (source) take([{ source, name: source, state: "waiting" }]);
  });
}

// Whether the desk could be asked.
async function begin() {
  await words;
  fill(document);
  document.title = t("page_title");
  try {
    desk = await meet();
  } catch (error) {
    refuse(error.message || t("failed"));
    return false;
  }
  $("promise").textContent = t("promise", { size: size(desk.largest) });
  $("address").hidden = !desk.sources.length;
  document.querySelector("nav").hidden = !desk.studio;
  return true;
}

async function reopen() {
  if (!(await met)) return;
  const kept = /^\/answers\/([\w-]+)$/.exec(location.pathname);
  if (kept) {
    try {
      const { record, seal } = await answerOf(kept[1]);
      open({ given: { record: JSON.parse(record), raw: record, seal, report: "", desk } });
    } catch (error) {
      refuse(error.message || t("failed"));
    }
  }
}

const met = begin();
listen();
reopen();
