"""A face in a Pipecat pipeline: behind the text-to-speech service, before the transport's output.

    face = Face(Permit.of("examples/portrait.png", keys=Keys.open()))
    Pipeline([transport.input(), stt, llm, tts, FaceProcessor(face, keep="call.mp4"), transport.output()])

| comes in | what is done |
|---|---|
| `TTSAudioRawFrame`, `SpeechOutputAudioRawFrame` | is spoken; goes no further, since it is not marked |
| `TTSStartedFrame`, `TTSStoppedFrame` | go no further: the transport tells by the sound who speaks |
| `InterruptionFrame` | the face is silent at once |
| `InputAudioRawFrame` | is heard by the face, and goes on |
| `EndFrame` | what waits is spoken, the record signed; then it goes on |
| `CancelFrame` | the face ends at once |

Out come, 25 times a second, a `SpeechOutputAudioRawFrame` (16 kHz mono, silence too) and an `OutputImageRawFrame` (RGB)
that plays with it (`sync_with_audio`), both marked. Give the transport `video_out_enabled=True`,
`video_out_is_live=True`, `video_out_framerate=25` and the face's size.
"""

import asyncio
import contextlib
from typing import Any

from media.errors import MissingExtraError, VasariError
from media.units import SAMPLE_RATE
from vasari.agents.face import Face, Session, Shown

try:
    from pipecat.frames.frames import (
        CancelFrame,
        EndFrame,
        Frame,
        InputAudioRawFrame,
        InterruptionFrame,
        OutputImageRawFrame,
        SpeechOutputAudioRawFrame,
        StartFrame,
        TTSAudioRawFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
except ModuleNotFoundError as error:
    raise MissingExtraError("Pipecat is not installed; run: pip install 'vasari[agents]'") from error


class FaceProcessor(FrameProcessor):
    """Speaks with a face; see above. It begins with the pipeline.

    Args:
        face: who speaks; one conversation at a time.
        hear: whether the face hears what the user says.
        asking: keep, label, registry, seed, style, controls ..., as of `Face.begin`.

    Attributes:
        session: the conversation, for `steer` and `act`; None before the pipeline starts.
    """

    def __init__(self, face: Face, *, hear: bool = True, **asking: Any) -> None:
        super().__init__(name="vasari")
        self.session: Session | None = None
        self._face, self._hear, self._asking = face, hear, asking
        self._showing: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As the table above says; all other frames go on."""
        await super().process_frame(frame, direction)
        speech = isinstance(frame, TTSAudioRawFrame | SpeechOutputAudioRawFrame)
        if direction != FrameDirection.DOWNSTREAM:
            await self.push_frame(frame, direction)
        elif isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
            await self._begin()
        elif speech or isinstance(frame, TTSStartedFrame | TTSStoppedFrame):
            await self._told(frame)
        else:
            if isinstance(frame, InterruptionFrame | InputAudioRawFrame):
                await self._told(frame)
            elif isinstance(frame, EndFrame) and self.session is not None and self._showing is not None:
                self.session.close()
                await self._showing
            elif isinstance(frame, CancelFrame):
                await self._end()
            await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """The pipeline is gone."""
        await super().cleanup()
        await self._end()

    async def _begin(self) -> None:
        try:
            self.session = await asyncio.to_thread(self._face.begin, **self._asking)
        except VasariError as error:
            await self.push_error(str(error), error)
            return
        self._showing = self.create_task(self._show(self.session))

    async def _told(self, frame: Frame) -> None:
        """Pass on to the face; a face that has ended says nothing."""
        session = self.session
        if session is None or session.over:
            return
        try:
            if isinstance(frame, InterruptionFrame):
                session.cancel()
            elif isinstance(frame, TTSStoppedFrame):
                session.end_of_speech()
            elif isinstance(frame, InputAudioRawFrame):
                if self._hear:
                    session.hear(frame.audio, frame.sample_rate, frame.num_channels)
            elif not isinstance(frame, TTSStartedFrame):
                session.say(frame.audio, frame.sample_rate, frame.num_channels)
        except VasariError as error:
            await self.push_error(str(error), error)

    async def _show(self, session: Session) -> None:
        """Push what the face does, to its end."""
        try:
            async for shown in session:
                for frame in frames_of(shown):
                    await self.push_frame(frame)
        except VasariError as error:
            await self.push_error(str(error), error)

    async def _end(self) -> None:
        """At once; what broke it off is told by `_show`."""
        session, self.session = self.session, None
        if session is not None and self._showing is not None:
            with contextlib.suppress(VasariError):
                await asyncio.to_thread(session.end)
            await self._showing


def frames_of(shown: Shown) -> tuple[SpeechOutputAudioRawFrame, OutputImageRawFrame]:
    """The sound, and the picture that is seen with it."""
    height, width = shown.frame.shape[:2]
    image = OutputImageRawFrame(image=shown.frame.tobytes(), size=(width, height), format="RGB")
    image.sync_with_audio = True
    return SpeechOutputAudioRawFrame(audio=shown.pcm, sample_rate=SAMPLE_RATE, num_channels=1), image
