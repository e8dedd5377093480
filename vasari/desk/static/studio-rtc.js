// Pictures and sound over WebRTC, where the studio offers it.
const TICKS = 3600, TURN = 25; // of a picture's stamp; pictures after which a stamp comes a tick later

export const possible = () => Boolean(window.RTCPeerConnection && HTMLVideoElement.prototype.requestVideoFrameCallback);

/** Takes an offer; once `play` is called, plays what comes, and tells `seen` when which picture is shown. */
export class Peer {
  constructor(video, seen) {
    this.video = video;
    this.seen = seen;
    this.connection = new RTCPeerConnection({ iceServers: [] });
    this.stream = new MediaStream();
    this.connection.ontrack = ({ track, receiver }) => {
      this.stream.addTrack(track);
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0; // no later than it has to be
    };
  }

  /** The answer to an offer; empty where it cannot be taken. */
  async answer(sdp) {
    try {
      await this.connection.setRemoteDescription({ type: "offer", sdp });
      await this.connection.setLocalDescription();
      return this.connection.localDescription.sdp;
    } catch { return ""; }
  }

  play() {
    const { video } = this;
    const look = (now, { rtpTimestamp }) => {
      this.count(rtpTimestamp);
      this.seen(now, this.frame);
      this.watching = video.requestVideoFrameCallback(look);
    };
    this.watching = video.requestVideoFrameCallback(look);
    video.srcObject = this.stream;
    video.play().catch(() => { video.muted = true; video.play(); });
  }

  /** Stamps begin anywhere: the first that is seen is taken for the first, until one that comes late tells better. */
  count(stamp) {
    const ticks = (stamp - this.stamp) >>> 0, steps = Math.round(ticks / TICKS);
    this.frame = this.stamp === undefined ? 0 : this.frame + steps;
    if (steps === 1 && ticks > TICKS) this.frame = Math.round(this.frame / TURN) * TURN;
    this.stamp = stamp;
  }

  end() {
    this.video.cancelVideoFrameCallback?.(this.watching);
    this.connection.close();
  }
}
