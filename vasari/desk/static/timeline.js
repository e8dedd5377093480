// Under the player: what was found, by time. Each row is a list of stretches; a row of the detector has a curve, too.

import { el, percent, seconds, t } from "./words.js";

const [WIDTH, HEIGHT, CURVE] = [1000, 14, 44];
const STEP = 0.2; // seconds that an arrow key moves

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// [{name, spans: [{start, end, kind, text}], looks, threshold, else}] of a record: only what it holds.
function rowsOf(triage, duration) {
  const { provenance: facts, detection } = triage;
  const { credentials, origin } = facts;
  const whole = { start: 0, end: duration, kind: credentials.state, text: t(`state_${credentials.state}`) };
  const rows = [{ name: t("credentials"), spans: [whole], otherwise: "" }];
  const rest = credentials.state === "valid" ? t("not_needed") : t("none_here");
  for (const key of ["picture_mark", "sound_mark"]) {
    const mark = facts[key];
    if (["no_carrier", "not_checked"].includes(mark.state)) continue;
    const spans = mark.pieces.map(({ start, end, message }) => ({
      start, end, kind: "mark", text: t("bears", { message }),
    }));
    rows.push({ name: t(key), spans, otherwise: mark.state === "noticed" ? t("state_noticed") : rest });
  }
  for (const key of ["pictures", "sound"]) {
    const places = origin?.recovered?.[`${key}_match`]?.places ?? [];
    const spans = places.map(([start, end]) => ({ start, end, kind: "valid", text: t("as_registered") }));
    if (spans.length) rows.push({ name: t(`registered_${key}`), spans, otherwise: t("none_here") });
  }
  for (const person of detection?.people ?? []) {
    if (!person.looks.length) continue;
    const seen = [];
    for (const { time } of person.looks) {
      if (seen.length && time - seen.at(-1).end < 0.25) seen.at(-1).end = time + STEP;
      else seen.push({ start: time, end: time + STEP, kind: "face", text: t("seen") });
    }
    rows.push({ name: t("face_n", { n: person.person }), spans: seen, otherwise: t("not_seen_here") });
    const over = person.segments.map(({ start, end }) => ({ start, end, kind: "over", text: "" }));
    const looks = person.looks.map(({ time, probability }) => ({ time, value: probability }));
    rows.push({ name: t("detector_n", { n: person.person }), spans: over, looks, threshold: person.threshold });
  }
  return rows;
}

function valueAt(row, time) {
  if (row.looks) {
    const near = row.looks.reduce((a, b) => (Math.abs(b.time - time) < Math.abs(a.time - time) ? b : a));
    if (Math.abs(near.time - time) > 0.5) return t("not_seen_here");
    const over = row.threshold && near.value >= row.threshold ? ` (${t("over")})` : "";
    return `${percent(near.value)}${over}`;
  }
  return row.spans.find(({ start, end }) => time >= start && time <= end)?.text ?? row.otherwise;
}

function drawn(row, duration) {
  const x = (time) => ((WIDTH * Math.min(time, duration)) / duration).toFixed(1);
  const high = row.looks ? CURVE : HEIGHT;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${high}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const { start, end, kind } of row.spans) {
    const width = Math.max(2, x(end) - x(start));
    picture.append(svg("rect", { class: kind, x: x(start), width, y: 0, height: high }));
  }
  if (row.looks) {
    const y = (value) => (CURVE * (1 - value)).toFixed(1);
    const line = row.threshold ?? 2;
    picture.append(svg("line", { class: "threshold", x1: 0, x2: WIDTH, y1: y(line), y2: y(line) }));
    const points = row.looks.map(({ time, value }) => `${x(time)},${y(value)}`).join(" ");
    picture.append(svg("polyline", { class: "curve", points }));
  }
  return picture;
}

// Returns the element; `player` may be null (an answer behind a link brings no file).
export function timeline(triage, duration, player) {
  const rows = rowsOf(triage, duration);
  const readout = el("ul", { class: "readout" });
  const cursor = el("div", { class: "cursor" });
  const track = el("div", {
    class: "tracks", role: "slider", tabindex: "0", "aria-label": t("timeline"), "aria-valuemin": 0,
    "aria-valuemax": duration.toFixed(1),
  }, rows.map((row) => el("div", { class: row.looks ? "track tall" : "track" }, drawn(row, duration))), cursor);
  const names = el("div", { class: "names", "aria-hidden": "true" },
    rows.map((row) => el("div", { class: row.looks ? "track tall" : "track" }, row.name)));
  let now = 0;

  function show(time) {
    now = Math.max(0, Math.min(duration, time));
    cursor.style.left = `${(100 * now) / duration}%`;
    const values = rows.map((row) => `${row.name}: ${valueAt(row, now)}`);
    track.setAttribute("aria-valuenow", now.toFixed(1));
    track.setAttribute("aria-valuetext", [seconds(now), ...values].join("; "));
    readout.replaceChildren(el("li", {}, el("b", {}, seconds(now))), ...values.map((value) => el("li", {}, value)));
  }

  function seek(time) {
    show(time);
    if (player) player.currentTime = now;
  }

  const at = (event) => {
    const box = track.getBoundingClientRect();
    return (duration * (event.clientX - box.left)) / box.width;
  };
  track.addEventListener("pointermove", (event) => show(at(event)));
  track.addEventListener("pointerleave", () => show(player ? player.currentTime : now));
  track.addEventListener("click", (event) => seek(at(event)));
  track.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP, PageUp: 5 * STEP,
      PageDown: -5 * STEP, Home: -duration, End: duration };
    if (!(event.key in moves)) return;
    event.preventDefault();
    seek(now + moves[event.key]);
  });
  player?.addEventListener("timeupdate", () => show(player.currentTime));
  show(0);
  const curve = rows.some(({ looks }) => looks) && t(triage.settled ? "timeline_footnote" : "timeline_curve");
  return el("div", { class: triage.settled ? "timeline settled" : "timeline" },
    el("div", { class: "lanes" }, names, track), readout, el("p", { class: "quiet" }, t("timeline_hint"), " ", curve));
}
