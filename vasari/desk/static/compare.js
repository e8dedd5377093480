// Two of the files over each other, with a slider between them; both play at once, the left one is heard.

import { el, seconds, t } from "./words.js";

const isMoving = (node) => node?.tagName === "VIDEO";

function mediaOf({ file, given }) {
  const src = URL.createObjectURL(file);
  if (given.record.media.kind === "picture") return el("img", { src, alt: file.name });
  return el("video", { src, preload: "auto", playsinline: true, "aria-label": file.name });
}

// Returns the element; `items` are those that are to be seen.
export function compare(items) {
  const stage = el("div", { class: "stage" });
  const divide = el("input", { type: "range", id: "divide", min: 0, max: 100, value: 50, oninput: cut });
  const time = el("input", { type: "range", id: "time", min: 0, max: 1, step: 0.04, value: 0, oninput: () => seek(time.value) });
  const play = el("button", { type: "button", onclick: toggle }, t("play"));
  const now = el("span", { class: "quiet" });
  let shown = [];

  function cut() {
    if (shown[1]) shown[1].style.clipPath = `inset(0 0 0 ${divide.value}%)`;
    stage.style.setProperty("--cut", `${divide.value}%`);
  }

  function seek(to) {
    for (const node of shown.filter(isMoving)) node.currentTime = to;
  }

  function toggle() {
    const moving = shown.filter(isMoving);
    const plays = moving.some(({ paused, ended }) => !paused && !ended);
    for (const node of moving) plays ? node.pause() : node.play();
    play.textContent = t(plays ? "play" : "pause");
  }

  function choose() {
    for (const node of shown) URL.revokeObjectURL(node.src);
    shown = picks.map((pick) => mediaOf(items[pick.value]));
    const [left, right] = shown;
    if (isMoving(right)) right.muted = true;
    const leading = shown.find(isMoving);
    for (const node of [time, play, now]) node.hidden = !leading;
    leading?.addEventListener("loadedmetadata", () => { time.max = leading.duration; });
    leading?.addEventListener("timeupdate", () => {
      time.value = leading.currentTime;
      now.textContent = seconds(leading.currentTime);
    });
    leading?.addEventListener("ended", () => { play.textContent = t("play"); });
    stage.replaceChildren(left, right);
    cut();
  }

  const picks = ["left", "right"].map((side, at) => el("select", { id: side, onchange: choose },
    items.map(({ name }, k) => el("option", { value: k, selected: k === at }, name))));
  choose();
  return el("details", { class: "compare" }, el("summary", {}, t("compare")),
    el("div", { class: "row tools" }, ["left", "right"].flatMap((side, at) => [el("label", { for: side }, t(at ? "right_side" : "left")), picks[at]])),
    stage,
    el("div", { class: "row" }, el("label", { for: "divide" }, t("divide")), divide, play,
      el("label", { for: "time", class: "unseen" }, t("time")), time, now));
}
