// One answer: what may be quoted, then facts, then the estimate, then what can be taken away.

import { post } from "./ask.js";
import { timeline } from "./timeline.js";
import { day, el, knows, percent, save, seconds, t, term } from "./words.js";

// The word of a value, its own name where there is none.
const word = (group, value) => (knows(`${group}_${value}`) ? t(`${group}_${value}`) : value);
const lines = (items) => items.length > 0 && el("ul", {}, items.map((item) => el("li", {}, item)));

function terms(rows) {
  const shown = rows.filter(([, ...values]) => values.flat().some(Boolean));
  return el("dl", {}, shown.map(([key, ...values]) => el("div", {}, el("dt", {}, term(key)),
    values.flat().filter(Boolean).map((value) => el("dd", {}, value)))));
}

function part(key, ...children) {
  return el("section", { class: "part", "aria-labelledby": `part-${key}` },
    el("h3", { id: `part-${key}` }, t(key)), ...children);
}

export function chip(verdict) {
  return el("span", { class: `chip ${verdict}` }, t(`verdict_${verdict}`));
}

function quote(triage, tell) {
  const copy = async () => {
    await navigator.clipboard.writeText(triage.summary);
    tell(t("copied"));
  };
  return el("div", { class: "quote" }, chip(triage.verdict),
    el("h2", { class: "sentence" }, triage.summary),
    el("p", { class: "quiet" }, triage.file, " · ", el("button", { type: "button", class: "plain", onclick: copy }, t("copy"))),
    triage.contradictions.length > 0 &&
      el("div", { class: "contradictions" }, el("h3", {}, t("contradictions")), lines(triage.contradictions)),
    el("div", { class: "because" }, el("h3", {}, t("because")), lines(triage.provenance.reasons)));
}

// The file itself; made once, so that it plays on when the estimate comes after the facts.
function playerOf(item, kind) {
  if (!item.file || item.player || kind === "other") return item.player;
  const src = URL.createObjectURL(item.file);
  item.player = kind === "picture" ? el("img", { src, alt: t("picture_alt") })
    : el(kind === "video" ? "video" : "audio", { src, controls: true, preload: "metadata", playsinline: true });
  return item.player;
}

function shown(record, item) {
  const { kind, duration } = record.media;
  const player = playerOf(item, kind);
  const length = Math.max(duration, record.triage.detection?.seconds ?? 0);
  const rows = kind !== "picture" && length > 0 && timeline(record.triage, length, player);
  if (!player && !rows) return null;
  return el("div", { class: "player" }, player ?? el("p", { class: "quiet" }, t("no_file_here")), rows);
}

function credentials(record) {
  const { credentials: c } = record.triage.provenance;
  const stamp = c.timestamp && `${day(c.timestamp.time)}, ${c.timestamp.authority} (${word("trust", c.timestamp.trust)})`;
  const source = c.digital_source_type && word("source", c.digital_source_type);
  const rows = [
    ["state", word("state", c.state), c.state === "valid" && word("trust", c.trust), ...c.failures],
    ["signer", c.signer && t("issued", { signer: c.signer, issuer: c.issuer })],
    ["when", c.made && day(c.made)],
    ["with", c.generator],
    ["how", source],
    ["timestamp", stamp],
    ["identity", c.identities.map(({ name, state }) => `${name} (${word("trust", state)})`)],
    ["outside", c.uncovered.map(({ what, size }) => `${what}, ${size} B`)],
    ["remarks", c.revoked, c.notes, c.live],
  ];
  const found = record.triage.provenance.origin?.recovered;
  const kept = found && el("p", {}, t("recovered", { manifest: word("state", found.manifest), signer: found.signer, made: day(found.made) }));
  return part("credentials", terms(rows), kept, record.history && tree(record.history));
}

// Parts that are alike and hold nothing further stand once, with their number.
function grouped(parts) {
  const known = new Map();
  for (const part of parts) {
    const key = JSON.stringify(part);
    if (part.parts.length || !known.has(key)) known.set(part.parts.length ? part : key, { part, count: 1 });
    else known.get(key).count += 1;
  }
  return [...known.values()];
}

function tree(top) {
  const branch = ({ part: item, count }) => el("li", {},
    el("div", { class: "leaf" },
      item.thumbnail.startsWith("data:image/jpeg;base64,") && el("img", { src: item.thumbnail, alt: "" }),
      el("div", {}, el("b", {}, count > 1 && `${count} × `, item.title || t("untitled")),
        item.relationship && el("span", { class: "quiet" }, ` ${word("relation", item.relationship)}`),
        el("div", { class: "quiet" }, [
          item.state !== "unknown" && word("part", item.state),
          item.signer && t("signed_by", { signer: item.signer }), item.made && day(item.made),
          item.source && word("source", item.source)].filter(Boolean).join(" · ")))),
    item.parts.length > 0 && el("ul", {}, grouped(item.parts).map(branch)));
  return el("div", { class: "tree" }, el("h4", {}, term("history")), el("ul", {}, branch({ part: top, count: 1 })));
}

function chance(p) {
  return p >= 1 ? null : t("chance", { n: new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long" }).format(Math.round(1 / p)) });
}

function marks(record) {
  const { provenance: facts } = record.triage;
  const told = (mark, unit) => [
    word("mark", mark.state), mark.message && t("message", { message: mark.message }),
    ["found", "noticed"].includes(mark.state) && t("whose", { key: mark.key }),
    mark.state === "found" && chance(mark.p_value), mark.moved,
    mark.looked_at > 0 && t(unit, { n: Number(mark.looked_at.toFixed(1)) }),
  ];
  const { label, origin } = facts;
  return part("marks", terms([
    ["picture_mark", ...told(facts.picture_mark, "frames")],
    ["sound_mark", ...told(facts.sound_mark, "heard")],
    ["other_tracks", facts.other_tracks.map(({ kind, number, mark }) => `${kind} ${number}: ${word("mark", mark.state)}`)],
    ["agreement", word("agreement", facts.agreement)],
    ["label", label && (label.stated.kind === "off" ? t("label_off") : word("label", label.state))],
    ["registry", origin && t("registered", { command: origin.command, made: day(origin.made) }), origin?.manifest],
  ]));
}

function person(one) {
  const { compared: c } = one;
  const looks = c && (t(c.above === 0 ? "beside_none" : c.above === 1 ? "beside_one" : "beside", c));
  const sure = one.probability != null && t("sure", { value: percent(one.probability),
    low: percent(one.interval[0]), high: percent(one.interval[1]) });
  return el("div", {}, el("h4", {}, t("face_n", { n: one.person })), terms([
    ["says", word("says", one.verdict), one.reason], ["compared", looks], ["probability", sure],
    ["when_over", one.segments.map(({ start, end }) => `${seconds(start)} – ${seconds(end)}`).join(", ")],
    ["lips", one.lips]]));
}

function estimate(record) {
  const { detection, settled } = record.triage;
  if (record.pending) return part("estimate", el("p", {}, t(settled ? "settled" : "pending")));
  if (!detection) return part("estimate", el("p", {}, t("no_pictures")));
  const body = [
    detection.people.length !== 1 && el("p", {}, word("says", detection.verdict), detection.reason && `: ${detection.reason}`),
    ...detection.people.map(person),
    el("p", { class: "quiet" }, t("promise_of", { share: percent(detection.false_alarms), on: detection.measured_on })),
    detection.seconds >= record.desk.longest && el("p", { class: "quiet" }, t("longest", { n: record.desk.longest })),
    ...detection.notes.map((note) => el("p", { class: "quiet" }, note)),
  ];
  if (!settled) return part("estimate", ...body);
  return part("estimate", el("p", {}, t("settled")), el("details", {}, el("summary", {}, t("by_looks")), ...body));
}

function matches(record) {
  const found = record.matches.map(({ manifest, score, made, command }) => el("li", {},
    t("match", { score, command, made: day(made) }), el("div", { class: "quiet code" }, manifest)));
  return part("matches", found.length ? el("ol", {}, found) : el("p", {}, t("no_matches")));
}

function taking({ record, raw, seal, report, desk }, tell) {
  const name = record.triage.file;
  const link = el("output", { class: "link" });
  const keep = async () => {
    try {
      const { name: id, seconds: left } = await post("/api/answers", { record: raw, seal });
      const address = new URL(`/answers/${id}`, location.href).href;
      link.replaceChildren(el("a", { href: address }, address), ` ${t("expires", { n: Math.round(left / 60) })}`);
    } catch (error) {
      link.textContent = error.message || t("failed");
    }
  };
  const button = (key, onclick) => el("button", { type: "button", onclick }, t(key));
  return part("take",
    el("div", { class: "row" },
      report && button("save_page", () => save(`${name}.html`, "text/html", report)),
      button("save_json", () => save(`${name}.json`, "application/json", JSON.stringify(record, null, 2))),
      button("link", keep)),
    link, el("p", { class: "quiet" }, t("link_hint")), desk.feedback && feedback(raw, seal, tell));
}

function feedback(raw, seal, tell) {
  const note = el("input", { id: "note", maxlength: 1000, autocomplete: "off" });
  const form = el("form", { class: "feedback", onsubmit: (event) => event.preventDefault() },
    el("fieldset", {}, el("legend", {}, t("right")),
      el("label", { for: "note" }, t("note")), note,
      el("div", { class: "row" }, ["yes", "no", "unsure"].map((right) => el("button", { type: "button", onclick: async () => {
        try {
          await post("/api/feedback", { record: raw, seal, right, note: note.value });
          form.replaceChildren(el("p", {}, t("thanks")));
          tell(t("thanks"));
        } catch (error) {
          tell(error.message || t("failed"));
        }
      } }, t(`right_${right}`)))), el("p", { class: "quiet" }, t("right_hint"))));
  return form;
}

// Fill `place` with an answer. `item`: {given: {record, raw, seal, report, desk}, file}, where the estimate is still to
// come record.pending; `tell` speaks to who cannot see.
export function answer(place, item, tell) {
  const { record } = item.given;
  const had = place.contains(document.activeElement);
  const plays = item.player?.paused === false;
  for (const old of place.querySelectorAll("[src^='blob:']")) if (old !== item.player) URL.revokeObjectURL(old.src);
  place.replaceChildren(...[
    quote(record.triage, tell), shown(record, item),
    el("div", { class: "parts" }, credentials(record), marks(record), estimate(record), matches(record)),
    !record.pending && el("details", { class: "all" }, el("summary", {}, t("findings")), lines(record.triage.findings)),
    !record.pending && taking(item.given, tell)].filter(Boolean));
  if (plays) item.player.play();
  if (had) place.focus();
}
