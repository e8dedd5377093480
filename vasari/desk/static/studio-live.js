// A live session: sound out; WebRTC or fragmented mp4 in, shown as close to now as it can be.
import { Peer, possible } from "./studio-rtc.js";
import { RATE, s16le } from "./studio-sound.js";

const Source = window.ManagedMediaSource ?? window.MediaSource;
const EARLY = 1024 / 16000; // seconds that the picture is behind the clock of the stream
const FPS = 25, BEATS = 5; // a word comes with every fifth frame
const NEAR = 0.12, FAR = 0.3, LOST = 0.8; // seconds behind the newest: aimed at; hurried from; skipped from
const HERE = 10000; // ms between two signs of life
let direct = possible(); // until it led to nothing once

export const playable = () => Boolean(Source?.isTypeSupported('video/mp4; codecs="avc1.64001f, mp4a.40.2"'));

/** A socket of the studio: `first` goes out at once, words that come go to `hear`. */
export function socket(path, first, hear, gone) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const link = new WebSocket(url);
  link.binaryType = "arraybuffer";
  const here = setInterval(() => link.readyState === 1 && link.send('{"kind":"here"}'), HERE);
  link.onopen = () => link.send(JSON.stringify(first));
  link.onmessage = ({ data }) => hear(typeof data === "string" ? JSON.parse(data) : data);
  link.onclose = () => { clearInterval(here); gone(); };
  return link;
}

/** Plays what it is given, at the live edge, and measures. */
class Player {
  constructor(video, seen) {
    this.video = video;
    this.queue = [];
    this.media = new Source();
    video.srcObject = null; // of a session before
    video.disableRemotePlayback = true;
    video.src = URL.createObjectURL(this.media);
    this.timer = setInterval(() => this.chase(), 100);
    const look = (now, { mediaTime }) => {
      seen(now, Math.round((mediaTime - EARLY) * FPS));
      this.watching = video.requestVideoFrameCallback(look);
    };
    this.watching = video.requestVideoFrameCallback?.(look);
  }

  give(data) {
    this.queue.push(data);
    if (!this.buffer && this.media.readyState === "open") this.begin();
    else if (!this.buffer) this.media.addEventListener("sourceopen", () => this.begin(), { once: true });
    this.next();
  }

  begin() {
    if (this.buffer || !this.queue.length) return;
    this.buffer = this.media.addSourceBuffer(`video/mp4; codecs="${codec(this.queue[0])}, mp4a.40.2"`);
    this.buffer.onupdateend = () => this.next();
    this.next();
  }

  next() {
    if (!this.buffer || this.buffer.updating || this.media.readyState !== "open") return;
    const { currentTime } = this.video, { buffered } = this.buffer;
    if (buffered.length && currentTime - buffered.start(0) > 20) this.buffer.remove(0, currentTime - 10);
    else if (this.queue.length) this.buffer.appendBuffer(joined(this.queue.splice(0)));
    else if (this.over) this.media.endOfStream();
  }

  chase() {
    const { video } = this, { buffered } = video;
    if (!buffered.length) return;
    const end = buffered.end(buffered.length - 1);
    if (video.paused && !this.over && end - buffered.start(0) > NEAR) {
      video.currentTime = Math.max(buffered.start(0), end - 2 * NEAR);
      video.play().catch(() => { video.muted = true; video.play(); });
    }
    const behind = end - video.currentTime, now = performance.now();
    this.ends = [...(this.ends ?? []).filter(({ time }) => now - time < 2000), { time: now, end }];
    const pace = (end - this.ends[0].end) * 1000 / Math.max(1000, now - this.ends[0].time);
    if (this.over) video.playbackRate = 1;
    else if (pace < 0.9) { // a machine that is too slow: slow motion rather than stops
      if (behind > 2 * LOST) video.currentTime = end - FAR;
      video.playbackRate = Math.max(0.2, Math.min(1, behind > FAR ? pace * 1.1 : pace * 0.8));
    } else if (behind > LOST) video.currentTime = end - NEAR;
    else video.playbackRate = behind > FAR ? 1.15 : 1;
  }

  end() {
    this.over = true;
    this.next();
    clearInterval(this.timer);
    this.video.cancelVideoFrameCallback?.(this.watching); // the next session plays in the same element
    this.chase();
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) { whole.set(new Uint8Array(part), at); at += part.byteLength; }
  return whole;
}

/** The codec as its avcC box says. */
function codec(head) {
  const data = new Uint8Array(head), name = [0x61, 0x76, 0x63, 0x43];
  const at = data.findIndex((_, i) => name.every((byte, k) => data[i + k] === byte));
  const hex = [...data.subarray(at + 5, at + 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  return `avc1.${at < 0 ? "64001f" : hex.join("")}`;
}

/** One session; `on` has way, first, figures, wrong, ended: called with what there is to say. */
export class Live {
  constructor(video, first, on) {
    Object.assign(this, { video, on, sent: 0, sendings: [], beats: new Map(), shown: [], asked: performance.now() });
    this.watch = (now, frame) => this.see(now, frame);
    this.link = socket("/studio/live", { ...first, rtc: direct }, (said) => this.take(said), () => this.close({ kind: "lost" }));
  }

  take(said) {
    if (said instanceof ArrayBuffer) {
      this.player.give(said);
    } else if (said.kind === "beat") {
      this.running = true;
      this.beats.set(said.frame, said);
      if (this.beats.size > 100) this.beats.delete(this.beats.keys().next().value);
    } else if (said.kind === "offer") {
      this.peer = new Peer(this.video, this.watch);
      this.peer.answer(said.sdp).then((sdp) => this.say({ kind: "answer", sdp }));
    } else if (said.kind === "ready") this.begin(said);
    else if (said.kind === "wrong") this.on.wrong(said.why);
    else this.close(said);
  }

  begin({ file, rtc }) {
    Object.assign(this, { file, rtc });
    if (!rtc) this.peer?.end();
    direct &&= rtc || !this.peer; // who waited in vain once does not wait again
    this.player = rtc ? this.peer : new Player(this.video, this.watch);
    if (rtc) this.player.play();
    this.on.way(rtc);
  }

  see(now, frame) {
    if (!this.seen) { this.seen = true; this.start = now; this.on.first(now - this.asked); }
    this.shown = [...this.shown.filter((time) => now - time < 2000), now];
    const beat = this.beats.get(frame - (frame % BEATS));
    const until = beat && !beat.idle ? beat.sample + (frame % BEATS) * RATE / FPS : 0;
    const sending = until && this.sendings.find(({ sample }) => sample >= until);
    if (sending) this.delay = now - sending.time;
    if (now - (this.told ?? 0) > 500) { this.told = now; this.on.figures(this.shown.length / Math.min(2, Math.max(0.5, (now - this.start) / 1000)), this.delay); }
  }

  /** Sound, to be spoken (0) or to be listened to (1). */
  sound(samples, source = 0) {
    if (!this.running || this.link.readyState !== 1) return;
    const bytes = s16le(samples), message = new Uint8Array(bytes.length + 1);
    message[0] = source;
    message.set(bytes, 1);
    this.link.send(message);
    if (source) return;
    this.sent += samples.length;
    this.sendings.push({ sample: this.sent, time: performance.now() });
    if (this.sendings.length > 1000) this.sendings.splice(0, 500);
  }

  say(message) {
    if (this.link.readyState === 1) this.link.send(JSON.stringify(message));
  }

  close(said) {
    if (this.closed) return;
    this.closed = true;
    if (this.rtc && !this.seen) direct = false;
    (this.player ?? this.peer)?.end();
    this.on.ended(said);
    this.link.close();
  }
}
