"""A face for LiveKit Agents: a `VideoGenerator`, for an `AvatarRunner` in the agent's own process or in another.

    voice = QueueAudioOutput(sample_rate=16_000)
    video = FaceVideo(Face(Permit.of("examples/portrait.png", keys=Keys.open())), keep="call.mp4")
    runner = AvatarRunner(room, audio_recv=voice, video_gen=video, options=video.options)
    await runner.start(); session.output.audio = voice

Out come frames, 25 a second, RGBA, and the sound that plays with them, 16 kHz mono, both marked. Of silence the frames
alone are given, since the runner takes all sound for speech; an `AudioSegmentEnd` follows the last sound of each
segment that went in. Call `aclose` at the end: it signs the record.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import cv2

from media.errors import MissingExtraError
from media.units import FPS, SAMPLE_RATE
from vasari.agents.face import Face, Session, Shown

try:
    from livekit import rtc
    from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator
except ModuleNotFoundError as error:
    raise MissingExtraError("LiveKit Agents is not installed; run: pip install 'vasari[agents]'") from error


class FaceVideo(VideoGenerator):
    """Speaks with a face; see above. The conversation begins when it is gone through, or with the first sound.

    Args:
        face: who speaks; one conversation at a time.
        asking: keep, label, registry, seed, style, controls ..., as of `Face.begin`.

    Attributes:
        session: the conversation, for `steer` and `act`; None before it has begun.
    """

    def __init__(self, face: Face, **asking: Any) -> None:
        self.session: Session | None = None
        self._face, self._asking, self._beginning = face, asking, asyncio.Lock()

    @property
    def options(self) -> AvatarOptions:
        """What an `AvatarRunner` has to know."""
        size = self._face.size
        return AvatarOptions(
            video_width=size, video_height=size, video_fps=FPS, audio_sample_rate=SAMPLE_RATE, audio_channels=1
        )

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Speech of any rate, or the end of a segment of it. Raises as `Session.say`."""
        session = await self._begun()
        if isinstance(frame, AudioSegmentEnd):
            session.end_of_speech()
        else:
            session.say(bytes(frame.data), frame.sample_rate, frame.num_channels)

    def hear(self, frame: rtc.AudioFrame) -> None:
        """What the user says, for the face to answer with gaze, nods and brows. Raises `SpeechError`."""
        if self.session is not None:
            self.session.hear(bytes(frame.data), frame.sample_rate, frame.num_channels)

    def clear_buffer(self) -> None:
        """The face is silent at once."""
        if self.session is not None:
            self.session.cancel()

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """What the face does. Raises what broke it off."""
        async for shown in await self._begun():
            for frame in frames_of(shown):
                yield frame

    async def aclose(self) -> None:
        """End, and wait until the record is signed. Raises what broke it off."""
        if self.session is not None:
            await asyncio.to_thread(self.session.end)

    async def _begun(self) -> Session:
        async with self._beginning:
            if self.session is None:
                self.session = await asyncio.to_thread(self._face.begin, **self._asking)
            return self.session


def frames_of(shown: Shown) -> "list[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]":
    """The picture, its sound where there is any, and the ends of segments. What was cancelled is given no sound: the
    runner has told its end."""
    height, width = shown.frame.shape[:2]
    rgba = cv2.cvtColor(shown.frame, cv2.COLOR_RGB2RGBA)
    frames = [rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, rgba.tobytes())]
    pcm = shown.pcm
    if any(pcm) and not shown.hushed:
        frames.append(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))
    return frames + [AudioSegmentEnd() for _ in range(shown.ended)]
