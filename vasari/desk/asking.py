"""What a page may ask of the studio, in JSON. Angles are degrees, as on the command line."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from media.errors import UsageError

if TYPE_CHECKING:
    from generate.motion import Controls

Share = Annotated[float, Field(ge=0, le=1)]
Angle = Annotated[float, Field(ge=-45, le=45)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
LONGEST = 4096  # letters of a message
Size = Literal[128, 256, 384, 512]  # side of the frames, pixels
SIZES: tuple[int, ...] = get_args(Size)
Asked = TypeVar("Asked", bound="_Asked")


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Steer(_Asked):
    """How the face is held."""

    kind: Literal["steer"] = "steer"
    gaze: tuple[Angle, Angle] = (0.0, 0.0)  # right, down
    pose: tuple[Angle, Angle, Angle] = (0.0, 0.0, 0.0)  # yaw, pitch, roll
    distance: Annotated[float, Field(ge=0.5, le=3)] = 1.0
    movement: Annotated[float, Field(ge=0, le=2)] = 1.0
    emotions: dict[str, Share] = Field(default_factory=dict, max_length=16)
    actions: dict[str, Share] = Field(default_factory=dict, max_length=16)

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        from generate.acted import expression

        try:
            self.controls(), expression(self.actions)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self

    def controls(self) -> "Controls":
        """For the face. Emotions that add up to more than 1 share it."""
        from generate.motion import Controls

        most = max(1.0, sum(self.emotions.values()))
        (yaw, pitch), held = map(math.radians, self.gaze), tuple(map(math.radians, self.pose))
        return Controls(
            gaze=(yaw, pitch), distance=self.distance, emotion={k: v / most for k, v in self.emotions.items()},
            bias=(held[0], held[1], held[2]), intensity=self.movement,
        )  # fmt: skip


class Begin(_Asked):
    """The first message of a live session."""

    token: str
    portrait: Key
    size: Size = 512
    keep: bool = False  # whether the recording can be fetched afterwards
    rtc: bool = False  # whether the page takes an offer of WebRTC
    steer: Steer = Steer()


class Film(_Asked):
    """The first message of a film that is made of a recording."""

    token: str
    portrait: Key
    speech: Key
    size: Size = 512
    label: Literal["on", "start"] = "on"
    notice: Annotated[str, Field(pattern=r"^([a-z]{2})?$")] = ""  # language in which it is said that AI made it
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    steer: Steer = Steer()


class Say(_Asked):
    """A text to be spoken."""

    kind: Literal["say"] = "say"
    text: str
    voice: str


class Answer(_Asked):
    """To an offer of WebRTC; empty where the page cannot take it."""

    kind: Literal["answer"] = "answer"
    sdp: str


class Word(_Asked):
    """A message of one word."""

    kind: Literal["here", "interrupt", "end"]


class Agreed(_Asked):
    """A consent, as `vasari consent grant` asks for it."""

    subject: Annotated[str, Field(min_length=1, max_length=200)]
    purpose: Annotated[str, Field(min_length=1, max_length=500)]
    until: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    granted_by: Annotated[str, Field(max_length=200)] = ""


KINDS: dict[Any, type[_Asked]] = {
    "steer": Steer, "say": Say, "answer": Answer, "here": Word, "interrupt": Word, "end": Word,
}  # fmt: skip


def read(kind: type[Asked], text: str | bytes) -> Asked:
    """Raises `UsageError` for what is no such message."""
    if len(text) > LONGEST:
        raise UsageError("the message is too long")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:32] for part in first["loc"][:3])
        why = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where or 'the message'}: {why[:1].lower()}{why[1:]}"[:200]) from error


def read_any(text: str) -> _Asked:
    """A message of a live session, by its kind. Raises `UsageError`."""
    kind = read(_Any, text).kind
    if kind not in KINDS:
        raise UsageError("there is no message of this kind")
    return read(KINDS[kind], text)


class _Any(_Asked):
    model_config = ConfigDict(extra="ignore")

    kind: str
