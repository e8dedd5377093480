// Sound in: a microphone, or a file, as 16 kHz mono.

export const RATE = 16000;

/** Samples in [-1, 1] -> 16 bits, little end first. */
export function s16le(samples) {
  const whole = new Int16Array(samples.length);
  samples.forEach((value, at) => { whole[at] = Math.max(-1, Math.min(1, value)) * 32767; });
  return new Uint8Array(whole.buffer);
}

/** Samples -> a WAV file. */
export function wav(samples) {
  const data = s16le(samples), head = new DataView(new ArrayBuffer(44));
  const word = (at, text) => [...text].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF"); head.setUint32(4, 36 + data.length, true); word(8, "WAVEfmt ");
  head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
  head.setUint32(24, RATE, true); head.setUint32(28, 2 * RATE, true); head.setUint16(32, 2, true);
  head.setUint16(34, 16, true); word(36, "data"); head.setUint32(40, data.length, true);
  return new Blob([head.buffer, data], { type: "audio/wav" });
}

/** The sound of a file, mono. */
export async function decoded(file) {
  const context = new OfflineAudioContext(1, 1, RATE);
  const sound = await context.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    sound.getChannelData(channel).forEach((value, at) => { mono[at] += value / sound.numberOfChannels; });
  }
  return mono;
}

/** Calls `take` with pieces of what the microphone hears, until it is stopped. */
export class Microphone {
  static async open(take) {
    const wanted = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    const made = new Microphone();
    made.media = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    made.context = new AudioContext({ sampleRate: RATE });
    await made.context.audioWorklet.addModule("/static/studio-worklet.js");
    const taker = new AudioWorkletNode(made.context, "taker", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    taker.port.onmessage = ({ data }) => take(data);
    made.context.createMediaStreamSource(made.media).connect(taker);
    await made.context.resume();
    return made;
  }

  stop() {
    this.media.getTracks().forEach((track) => track.stop());
    this.context.close();
  }
}

/** Calls `take` with pieces of samples at the pace of speech. Returns what stops it. */
export function paced(samples, take, done) {
  const start = performance.now();
  let given = 0;
  const timer = setInterval(() => {
    const due = Math.min(samples.length, Math.ceil((performance.now() - start) * RATE / 1000));
    while (given < due) {
      take(samples.subarray(given, Math.min(due, given + 4000)));
      given = Math.min(due, given + 4000);
    }
    if (given === samples.length) { clearInterval(timer); done(); }
  }, 20);
  return () => clearInterval(timer);
}
