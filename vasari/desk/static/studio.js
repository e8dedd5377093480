// The page of the studio: which face, whose voice, how it holds itself; live or a film.
import { Live, playable, socket } from "./studio-live.js";
import { Microphone, decoded, paced, wav } from "./studio-sound.js";

const $ = (name) => document.getElementById(name);
const TOKEN = document.querySelector('meta[name="csrf"]').content;
const HOLDS = { // name: least, most, at rest, step
  gaze_yaw: [-35, 35, 0, 1], gaze_pitch: [-25, 25, 0, 1], yaw: [-20, 20, 0, 1], pitch: [-20, 20, 0, 1],
  roll: [-20, 20, 0, 1], distance: [0.8, 1.25, 1, 0.01], movement: [0, 2, 1, 0.05],
};
const STEERS = 60; // ms between two changes that are sent
const WORDS = await (await fetch("/static/texts/studio.en.json")).json();
const t = (key, values = {}) => (WORDS[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const state = { portrait: "", live: null, film: null, speech: "", microphone: null, taped: null, stop: null };
const sliders = {};

const mode = () => document.querySelector('input[name="mode"]:checked').value;
const mic = () => document.querySelector('input[name="mic"]:checked').value;
const working = () => Boolean(state.live ?? state.film);

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

async function post(path, body) {
  const headers = { "X-CSRF-Token": TOKEN, "Content-Type": body?.type || "application/octet-stream" };
  const answer = await fetch(`/studio/${path}`, { method: "POST", headers, body });
  if (answer.ok) return answer.status === 204 ? {} : answer.json();
  throw new Error((await answer.json().catch(() => ({}))).detail ?? answer.statusText);
}

const json = (value) => new Blob([JSON.stringify(value)], { type: "application/json" });

/** Runs, and says what goes wrong. */
const told = (act) => async (...given) => {
  try { await act(...given); } catch (error) { say(error.message, true); refresh(); }
};

function make(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

// The face

async function choose(source, picture, query = "") {
  if (working()) return;
  Object.assign(state, { portrait: "" });
  if ($("still").src.startsWith("blob:")) URL.revokeObjectURL($("still").src);
  Object.assign($("still"), { src: picture, alt: t("portrait"), hidden: false });
  $("film").hidden = $("consent").hidden = $("result").hidden = true;
  $("veil").hidden = true;
  say(t("bringing"));
  const brought = await post(`portrait${query}`, source);
  if (!query) document.querySelectorAll('input[name="example"]').forEach((one) => { one.checked = false; });
  state.asked = brought.portrait;
  if (!brought.consent) return seat();
  say(t("consent_note"));
  $("consent").reset(); // what somebody else agreed to is not theirs
  $("consent").hidden = false;
  $("consent").elements.subject.focus();
  refresh();
}

async function seat() {
  say(t("seating"));
  const name = state.asked;
  refresh();
  await post(`portrait/${name}/seat?size=${$("size").value}`);
  if (name !== state.asked) return;
  state.portrait = name;
  say(t("ready"));
  refresh();
}

const bring = told((file) => file && choose(file, URL.createObjectURL(file)));

async function agree(event) {
  event.preventDefault();
  const given = Object.fromEntries(new FormData($("consent")));
  await post(`portrait/${state.asked}/consent`, json(given));
  $("consent").hidden = true;
  await seat();
}

async function camera() {
  try {
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 960, facingMode: "user" } });
    $("preview").srcObject = media;
    $("preview").play();
    $("shot").onclose = () => media.getTracks().forEach((track) => track.stop());
    $("shot").showModal();
  } catch (error) { say(t("no_camera", { why: error.message }), true); }
}

async function take() {
  const { videoWidth: width, videoHeight: height } = $("preview");
  const canvas = make("canvas", { width, height });
  canvas.getContext("2d").drawImage($("preview"), 0, 0);
  $("shot").close();
  canvas.toBlob(bring, "image/png");
}

// How it holds itself

function slider(box, name, [least, most, rest, step], group) {
  const value = make("output", { textContent: rest });
  const input = make("input", { type: "range", min: least, max: most, step, value: rest });
  input.addEventListener("input", () => { value.textContent = Number(input.value); steer(); });
  box.append(make("label", { className: "slider" }, make("span", { textContent: t(name) }), input, value));
  sliders[name] = { input, value, rest, group };
}

function set(name, number) {
  const { input, value } = sliders[name];
  input.value = number;
  value.textContent = Number(input.value);
}

function held() {
  const at = (name) => Number(sliders[name].input.value);
  const group = (kind) => Object.fromEntries(Object.keys(sliders).filter((name) => sliders[name].group === kind && at(name)).map((name) => [name, at(name)]));
  return {
    kind: "steer", gaze: [at("gaze_yaw"), at("gaze_pitch")], pose: [at("yaw"), at("pitch"), at("roll")],
    distance: at("distance"), movement: at("movement"), emotions: group("mood"), actions: group("pull"),
  };
}

function steer() {
  const [yaw, pitch] = held().gaze;
  $("target").style.left = `${50 + 50 * yaw / HOLDS.gaze_yaw[1]}%`;
  $("target").style.top = `${50 + 50 * pitch / HOLDS.gaze_pitch[1]}%`;
  if (!state.live || state.steering) return;
  state.steering = setTimeout(() => { state.steering = 0; state.live?.say(held()); }, STEERS);
}

function drag(event) {
  if (!state.live || !(event.buttons & 1)) return;
  const { left, top, width, height } = $("frame").getBoundingClientRect();
  set("gaze_yaw", (2 * (event.clientX - left) / width - 1) * HOLDS.gaze_yaw[1]);
  set("gaze_pitch", (2 * (event.clientY - top) / height - 1) * HOLDS.gaze_pitch[1]);
  $("target").hidden = false;
  steer();
}

// Live

async function listen() {
  const wanted = state.live && mic() !== "off";
  if (wanted && !state.microphone) {
    try {
      state.microphone = await Microphone.open((piece) => {
        if (mic() === "hear") state.live?.sound(piece, 1);
        else if (!state.stop) state.live?.sound(piece, 0);
      });
    } catch (error) { say(t("no_microphone", { why: error.message }), true); }
  }
  if (state.microphone && !(state.live && mic() !== "off")) {
    state.microphone.stop();
    state.microphone = null;
  }
  if (state.live) mute(mic() === "speak");
}

function mute(quiet) {
  $("film").muted = quiet;
  $("sound").setAttribute("aria-pressed", String(!quiet));
}

function goLive() {
  if (!playable()) { say(t("no_video"), true); return; }
  for (const name of ["first", "rate", "delay", "way"]) $(name).textContent = "–";
  Object.assign($("film"), { hidden: false, controls: false, loop: false });
  say(t("starting"));
  mute(mic() === "speak");
  const first = { token: TOKEN, portrait: state.portrait, size: Number($("size").value), keep: $("keep").checked, steer: held() };
  state.live = new Live($("film"), first, {
    first: (ms) => { $("first").textContent = t("seconds", { n: (ms / 1000).toFixed(1) }); $("still").hidden = true; say(t("live")); },
    way: (rtc) => { $("way").textContent = t(rtc ? "way_rtc" : "way_socket"); },
    figures: (rate, delay) => {
      $("rate").textContent = rate.toFixed(1);
      if (delay) $("delay").textContent = delay < 1000 ? t("milliseconds", { n: Math.round(delay) }) : t("seconds", { n: (delay / 1000).toFixed(1) });
    },
    wrong: (why) => say(why, true),
    ended: over,
  });
  listen();
  refresh();
}

function over(said) {
  const { live } = state;
  state.stop?.();
  Object.assign(state, { live: null, film: null, stop: null });
  listen();
  $("progress").hidden = true;
  if (said.kind === "done") {
    say(t(!live ? "made" : live.rtc ? "ended_rtc" : "ended", { n: said.frames, rate: said.rate }));
    if (!live) show(said.file);
  } else say(said.why ?? t("lost"), true);
  const file = said.file ?? live?.file;
  $("result").hidden = !file;
  if (file) $("fetch").href = `/studio/film/${file}?save=1`;
  if (live && (!live.seen || live.rtc)) { // of WebRTC no last picture stays
    $("film").hidden = true;
    $("still").hidden = false;
  }
  refresh();
}

// A film

function show(file) {
  Object.assign($("film"), { hidden: false, controls: true, muted: false, srcObject: null, src: `/studio/film/${file}` });
  $("still").hidden = true;
  $("film").play().catch(() => {});
}

function goFilm() {
  const asked = { token: TOKEN, portrait: state.portrait, speech: state.speech, size: Number($("size").value), label: $("label").value, notice: $("notice").value, steer: { ...held(), actions: {} } };
  let frames = 1;
  say(t("making"));
  Object.assign($("progress"), { hidden: false, value: 0 });
  $("film").hidden = true;
  $("still").hidden = false;
  const done = (said) => { if (state.film) { over(said); state.film?.close(); } };
  state.film = socket("/studio/make", asked, (said) => {
    if (said.kind === "ready") ({ frames } = said);
    else if (said.kind === "frames") $("progress").value = Math.min(1, said.count / frames);
    else done(said);
  }, () => done({ kind: "lost", why: t("lost") }));
  refresh();
}

async function given(body, path = "speech") {
  say(t("bringing"));
  const heard = await post(path, body);
  state.speech = heard.speech;
  $("given").textContent = t("given", { n: heard.seconds });
  say(state.portrait ? t("ready") : t("choose_first"));
  refresh();
}

async function record() {
  if (state.tape) {
    state.microphone.stop();
    state.microphone = null;
    const tape = new Float32Array(state.tape.flatMap((piece) => [...piece]));
    state.tape = null;
    refresh();
    await given(wav(tape));
    return;
  }
  const tape = [];
  state.microphone = await Microphone.open((piece) => tape.push(piece));
  state.tape = tape;
  refresh();
}

async function hearFile(file) {
  if (!file) return;
  if (mode() === "film") { await given(file); return; }
  if (!state.live) return;
  const samples = await decoded(file).catch(() => { throw new Error(t("bad_sound")); });
  state.stop?.();
  mute(false);
  say(t("speaking_file"));
  state.stop = paced(samples, (piece) => state.live?.sound(piece), () => { state.stop = null; say(t("live")); });
}

async function sayText(event) {
  event.preventDefault();
  const message = { kind: "say", text: $("text").value, voice: $("tongue").value };
  if (mode() === "film") await given(json(message), "speech/text");
  else if (state.live) { if (mic() === "speak") mute(false); state.live.say(message); }
}

// The whole

function refresh() {
  const live = mode() === "live", now = working();
  $("go").textContent = now ? t(live ? "stop" : "cancel") : t(live ? "go_live" : "go_film");
  $("go").disabled = !now && !(state.portrait && (live || state.speech));
  $("interrupt").hidden = $("sound").hidden = !state.live;
  $("figures").hidden = !live || !(state.live || $("first").textContent !== "–");
  $("frame").classList.toggle("live", Boolean(state.live));
  $("record").hidden = live;
  $("record").textContent = t(state.tape ? "recording" : "record");
  $("record").setAttribute("aria-pressed", String(Boolean(state.tape)));
  $("microphone").hidden = $("keep-line").hidden = $("pulls-box").hidden = $("hold-note").hidden = !live;
  $("label-line").hidden = live;
  $("notice-line").hidden = live || $("notice").options.length < 2;
  $("say").textContent = t(live ? "say" : "use");
  $("given").hidden = live;
  if (!state.speech) $("given").textContent = t("none_given");
  for (const name of ["say", "speech"]) $(name).disabled = live ? !state.live : now;
  $("speech").parentElement.classList.toggle("off", $("speech").disabled);
  for (const one of document.querySelectorAll('#faces input, #faces button, input[name="mode"], #size, #keep, #label, #notice, #record')) one.disabled = now;
}

function go() {
  if (state.live) { state.live.say({ kind: "end" }); state.stop?.(); state.stop = null; say(t("ending")); }
  else if (state.film) state.film.close();
  else if (mode() === "live") { $("result").hidden = true; goLive(); }
  else { $("result").hidden = true; goFilm(); }
}

async function begin() {
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
  const about = await (await fetch("/studio/about")).json();
  for (const number of about.examples) {
    const input = make("input", { type: "radio", name: "example", value: number });
    const picture = `/studio/example/${number}`;
    input.addEventListener("change", told(() => choose(undefined, picture, `?example=${number}`)));
    $("examples").append(make("label", {}, input, make("img", { src: picture, alt: t("example", { n: number }) })));
  }
  $("examples").hidden = !about.examples.length;
  for (const [code, name] of Object.entries(about.voices)) $("tongue").append(make("option", { value: code, textContent: name, selected: code === about.voice }));
  const named = new Intl.DisplayNames([document.documentElement.lang], { type: "language" });
  for (const code of about.notices) $("notice").append(make("option", { value: code, textContent: named.of(code) }));
  $("saying").hidden = !Object.keys(about.voices).length;
  for (const [name, range] of Object.entries(HOLDS)) slider($("sliders"), name, range, "hold");
  for (const name of about.emotions) slider($("moods"), name, [0, 1, 0, 0.05], "mood");
  for (const name of about.expressions) slider($("pulls"), name, [0, 1, 0, 0.05], "pull");
  const day = new Date(Date.now() + 365 * 864e5).toISOString().slice(0, 10);
  Object.assign($("consent").elements.until, { min: new Date().toISOString().slice(0, 10), defaultValue: day });
  steer();
  refresh();
}

$("picture").addEventListener("change", ({ target }) => { bring(target.files[0]); target.value = ""; });
for (const place of [$("drop"), $("frame")]) {
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => { event.preventDefault(); if (!working()) bring(event.dataTransfer.files[0]); });
}
$("consent").addEventListener("submit", told(agree));
$("camera").addEventListener("click", camera);
$("take").addEventListener("click", take);
$("cancel").addEventListener("click", () => $("shot").close());
$("frame").addEventListener("pointerdown", drag);
$("frame").addEventListener("pointermove", drag);
for (const end of ["pointerup", "pointerleave", "pointercancel"]) $("frame").addEventListener(end, () => { $("target").hidden = true; });
$("reset").addEventListener("click", () => { for (const name in sliders) set(name, sliders[name].rest); steer(); });
$("go").addEventListener("click", go);
$("interrupt").addEventListener("click", () => { state.stop?.(); state.stop = null; state.live?.say({ kind: "interrupt" }); });
$("sound").addEventListener("click", () => mute(!$("film").muted));
$("record").addEventListener("click", told(record));
$("speech").addEventListener("change", told(({ target }) => { const [file] = target.files; target.value = ""; return hearFile(file); }));
$("saying").addEventListener("submit", told(sayText));
$("size").addEventListener("change", told(() => state.portrait && seat()));
$("fetch").addEventListener("click", () => { if (mode() === "live") setTimeout(() => { $("result").hidden = true; }, 500); });
for (const one of document.querySelectorAll('input[name="mode"]')) one.addEventListener("change", refresh);
for (const one of document.querySelectorAll('input[name="mic"]')) one.addEventListener("change", told(listen));
await told(begin)();
