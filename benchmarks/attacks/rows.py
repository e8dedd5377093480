"""The rows of the table: what is done to an output, and which exit code is right."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.signal import istft, stft

from benchmarks.authority import TimeAuthority
from benchmarks.outputs import Maker
from benchmarks.tampering import coded, flipped, remuxed, write
from lab.pictures.hosts import drawn
from media import VideoReader, read_sound
from provenance import Keys, sign_beside, sign_file
from provenance.credentials import manifest
from provenance.credentials.elsewhere import beside
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED, EXIT_UNREADABLE
from provenance.marks.geometry import luma, square
from provenance.marks.nets import FastPattern, FastReader
from provenance.marks.picture import add_pattern, load_model
from provenance.permits import claims
from provenance.trust.timestamps import Authority

SECONDS = 3.0
ROUNDS = 30  # of making speech anew


@dataclass(frozen=True)
class Row:
    """One attack."""

    name: str
    made: Callable[["Scene"], Path]
    right: tuple[int, ...]  # exit codes that tell the truth
    words: tuple[str, ...]  # of which the verdict's summary or reasons must hold one; () for none
    asked: str = "maker"  # who verifies: "maker", "public" (trusts the maker's root), "stranger" (other keys),
    # "careful" (a maker whose signatures are stamped, after a revocation), "rotated" (the maker, with a new key),
    # "trusting" (the maker, who trusts the stranger as well)


class Scene:
    """A maker with two outputs, a stranger, and footage of neither."""

    def __init__(self, made: Maker) -> None:
        self.made, self.folder = made, made.folder
        self.one, self.two = made.video("one.mp4", 0), made.video("two.mp4", 1)
        self.stranger = Keys.open(made.folder / "stranger")
        self.marked = list(VideoReader(self.one))

    def path(self, name: str) -> Path:
        """Where an attack puts its file."""
        return self.folder / name

    @cached_property
    def footage(self) -> list[np.ndarray]:
        """A camera that moves over a drawn scene, uint8 RGB, as many frames as an output."""
        rng = np.random.default_rng(5)
        scene = np.clip(drawn(rng, 640), 0, 255).astype(np.uint8)
        return [scene[k % 60 : 512 + k % 60, k % 60 : 512 + k % 60] for k in range(len(self.marked))]

    @cached_property
    def theirs(self) -> Path:
        """What others made, with the maker's marks in it."""
        return self.made.marked("theirs.mp4")

    @cached_property
    def voice(self) -> np.ndarray:
        """Sound that nobody marked, and nobody said."""
        return np.ascontiguousarray(self.made.clips[1][1][::-1])

    @cached_property
    def plain(self) -> Path:
        """Footage that nobody marked or signed."""
        return write(self.path("footage.mp4"), self.footage, self.voice)

    @cached_property
    def dated(self) -> tuple[Keys, Path, Path]:
        """A maker after a revocation, and what was signed before: with a time stamp, and without."""
        keys = Keys.open(self.folder / "careful")
        with TimeAuthority() as authority:
            keys = keys.set_authority(Authority(authority.url, required=True), authority.anchor_pem)
            stamped = sign_file(self.plain, self.path("stamped.mp4"), keys=keys).path
        bare = sign_file(self.plain, self.path("bare.mp4"), keys=keys.stamped_by(None)).path
        time.sleep(1.1)  # lists of revoked certificates know whole seconds
        keys.revoke("superseded")
        return Keys.open(keys.folder), stamped, bare

    @cached_property
    def rotated(self) -> Keys:
        """The maker's keys with another watermark key for new marks, in a folder of their own."""
        shutil.copytree(self.made.keys.folder, self.folder / "rotated")
        return Keys.open(self.folder / "rotated").rotate_mark_key()

    def keys_of(self, asked: str) -> Keys | None:
        """With which keys somebody verifies, None for the public."""
        if asked == "careful":
            return self.dated[0]
        if asked == "rotated":
            return self.rotated
        return {"maker": self.made.keys, "trusting": self.made.keys, "stranger": self.stranger}.get(asked)

    def anchors_of(self, asked: str) -> list[Path]:
        """Whose root certificates somebody trusts besides their own."""
        trusted = {"public": self.made.keys, "trusting": self.stranger}.get(asked)
        return [] if trusted is None else [trusted.folder / "root.pem"]

    def with_sidecar(self, source: Path, name: str, of: Path | None = None) -> Path:
        """A file without credentials, and beside it a sidecar made for it, or for another file."""
        path = Path(shutil.copy(source, self.path(name)))
        sign_beside(of or path, beside(path), keys=self.made.keys)
        return path

    def elsewhere(self, name: str) -> Path:
        """A signed file that only names the address of its credentials."""
        path = self.path(name)
        sign_file(self.plain, path, keys=self.made.keys, sidecar=True, remote_url="https://192.0.2.1/one.c2pa")
        beside(path).unlink()
        return path

    def signed_by_stranger(self, source: Path, name: str) -> Path:
        """Somebody else's credentials over a file without any; their certificates bear the maker's names."""
        claim = self.made.shown(None).claim
        definition = claims.definition(claim, title=name, mime="video/mp4", key_id="0", mark="0" * 16)
        with source.open("rb") as given, self.path(name).open("w+b") as target:
            manifest.sign(given, target, "video/mp4", definition, self.stranger.signer)
        return self.path(name)


def _turned(frame: np.ndarray, degrees: float = 10) -> np.ndarray:
    height, width = frame.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def _cropped(frame: np.ndarray, share: float = 0.8) -> np.ndarray:
    height, width = frame.shape[:2]
    top, left = round(0.12 * height), round(0.07 * width)
    return frame[top : top + round(share * height) // 2 * 2, left : left + round(share * width) // 2 * 2]


def _scaled(frame: np.ndarray, share: float = 0.5) -> np.ndarray:
    return cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def _captioned(frame: np.ndarray) -> np.ndarray:
    frame = np.ascontiguousarray(frame)
    cv2.rectangle(frame, (0, 420), (511, 490), (0, 0, 0), -1)
    return cv2.putText(frame, "BREAKING NEWS", (60, 470), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 3)


def _regenerated(frame: np.ndarray) -> np.ndarray:
    """Denoised hard, as an image model that draws a picture anew loses what is fine in it."""
    return cv2.fastNlMeansDenoisingColored(_scaled(_scaled(frame), 2.0), None, 6, 6, 5, 11)


def _copied_mark(scene: Scene) -> Path:
    """What many frames of an output have in common beyond their smoothed selves, laid over other footage."""
    residual = np.mean(
        [f.astype(np.float32) - cv2.GaussianBlur(f.astype(np.float32), (0, 0), 4) for f in scene.marked], 0
    )
    laid = [np.clip(frame + np.clip(residual, -12, 12), 0, 255).astype(np.uint8) for frame in scene.footage]
    return write(scene.path("copied.mp4"), laid, scene.voice)


def _forged_mark(scene: Scene) -> Path:
    """From one picture of an output, without the key: the signs of the pattern as the reader, which anybody has, sees
    them, laid on other footage at full strength (cf. WmForger, arXiv 2510.20468, which learns such a reader)."""
    model = load_model()
    soft = FastReader(model.reader)(square(luma(scene.marked[20])))
    pattern = FastPattern(model.strength, np.where(soft >= 0, 1, -1).astype(np.float32))
    return write(scene.path("forged.mp4"), [add_pattern(frame, pattern(frame)) for frame in scene.footage], scene.voice)


def _resynthesised(scene: Scene) -> Path:
    """The speech made anew from its spectrogram (Griffin and Lim 1984), as neural vocoders do: no sample is kept."""
    said, rng = read_sound(scene.one), np.random.default_rng(3)
    sizes = {"fs": 16_000, "nperseg": 512, "noverlap": 384}
    loud = np.abs(stft(said, **sizes)[2])
    phase = np.exp(2j * np.pi * rng.random(loud.shape))
    for _ in range(ROUNDS):
        made = istft(loud * phase, **sizes)[1]
        phase = np.exp(1j * np.angle(stft(made, **sizes)[2]))[:, : loud.shape[1]]
    made = istft(loud * phase, **sizes)[1][: len(said)].astype(np.float32)
    return coded(scene.one, scene.path("revoiced.mp4"), sound=np.clip(made, -1, 1))


def _claimed_by_others(scene: Scene) -> Path:
    """Another maker, trusted too, strips an output and signs it as what others made."""
    path = scene.path("claimed.mp4")
    sign_file(remuxed(scene.one, scene.path("v.mp4")), path, keys=scene.stranger)
    return path


def _appended(scene: Scene) -> Path:
    path = Path(shutil.copy(scene.one, scene.path("appended.mp4")))
    with path.open("ab") as file:
        file.write(b"\0\0\0\x10freehideaway")
    return path


def _shortened(scene: Scene) -> Path:
    data = scene.one.read_bytes()
    scene.path("short.mp4").write_bytes(data[: int(0.8 * len(data))])
    return scene.path("short.mp4")


def _picture(scene: Scene, name: str, change: Callable[[np.ndarray], np.ndarray], **options) -> Path:
    Image.fromarray(change(scene.marked[20])).save(scene.path(name), **options)
    return scene.path(name)


KNOWN, NOTHING, TAMPERED = (EXIT_KNOWN,), (EXIT_NOTHING,), (EXIT_TAMPERED,)
TOLD = ("recovered: made by", "made with this key")  # whose it is
ROWS = [
    Row("untouched", lambda s: s.one, KNOWN, ("unaltered since",)),
    Row("untouched_asked_by_the_public", lambda s: s.one, KNOWN, ("unaltered since",), "public"),
    Row("untouched_asked_by_a_stranger", lambda s: s.one, NOTHING, ("not trusted",), "stranger"),
    Row("footage_of_nobody_s", lambda s: write(s.path("plain.mp4"), s.footage, s.voice), NOTHING, ("nothing found",)),
    Row("bit_flipped", lambda s: flipped(s.one, s.path("flipped.mp4"), 0.7), TAMPERED, ("invalid",)),
    Row("cut_short", _shortened, (EXIT_TAMPERED, EXIT_UNREADABLE), ()),
    Row("box_appended", _appended, KNOWN, ()),
    Row("remuxed", lambda s: remuxed(s.one, s.path("remuxed.mp4")), TAMPERED, TOLD),
    Row("coded_again_crf28", lambda s: coded(s.one, s.path("crf28.mp4"), crf=28), TAMPERED, TOLD),
    Row("coded_again_crf35_half", lambda s: coded(s.one, s.path("half.mp4"), _scaled, crf=35), TAMPERED, TOLD),
    Row("coded_again_vp9", lambda s: coded(s.one, s.path("vp9.mp4"), crf=36, codec="libvpx-vp9"), TAMPERED, TOLD),
    Row("cropped_and_coded", lambda s: coded(s.one, s.path("crop.mp4"), _cropped), TAMPERED, TOLD),
    Row("turned_and_coded", lambda s: coded(s.one, s.path("turn.mp4"), _turned), TAMPERED, TOLD),
    Row("mirrored_and_coded", lambda s: coded(s.one, s.path("flip.mp4"), lambda f: f[:, ::-1]), TAMPERED, TOLD),
    Row("captioned_and_coded", lambda s: coded(s.one, s.path("text.mp4"), _captioned), TAMPERED, TOLD),
    Row("regenerated", lambda s: coded(s.one, s.path("again.mp4"), _regenerated), TAMPERED, TOLD),
    Row("silenced_and_coded", lambda s: write(s.path("still.mp4"), s.marked, None, crf=28), TAMPERED, TOLD),
    Row("silenced_cropped_and_coded",
        lambda s: write(s.path("part.mp4"), [_cropped(f) for f in s.marked], None, crf=28), TAMPERED, TOLD),
    Row("silenced_turned_and_coded",
        lambda s: write(s.path("tilt.mp4"), [_turned(f) for f in s.marked], None, crf=28), TAMPERED, TOLD),
    Row("one_frame_png", lambda s: _picture(s, "frame.png", lambda f: f), TAMPERED, TOLD),
    Row("one_frame_half_jpeg", lambda s: _picture(s, "shot.jpg", _scaled, quality=70), TAMPERED, TOLD),
    Row("sound_of_another_output", lambda s: remuxed(s.one, s.path("dubbed.mp4"), s.two), TAMPERED,
        ("different outputs",)),
    Row("sound_of_nobody_s", lambda s: coded(s.one, s.path("voiced.mp4"), sound=s.voice), TAMPERED,
        ("the sound was exchanged", "the sound is not the one")),
    Row("pictures_of_nobody_s", lambda s: write(s.path("masked.mp4"), s.footage, read_sound(s.one)), TAMPERED,
        ("the pictures were exchanged", "the pictures are not those")),
    Row("mark_copied_by_averaging", _copied_mark, (EXIT_TAMPERED, EXIT_NOTHING),
        ("nothing found", "lies on other footage", "exchanged")),
    Row("mark_forged_from_one_picture", _forged_mark, (EXIT_TAMPERED, EXIT_NOTHING),
        ("nothing found", "lies on other footage", "exchanged", "copied or moved")),
    Row("speech_made_anew", _resynthesised, TAMPERED, TOLD),
    Row("claimed_by_another_trusted_maker", _claimed_by_others, TAMPERED, ("mark of this maker",), "trusting"),
    Row("others_marked", lambda s: s.theirs, KNOWN, ("marked, as others made it",)),
    Row("others_marked_bit_flipped", lambda s: flipped(s.theirs, s.path("theirs_flipped.mp4"), 0.7), TAMPERED,
        ("invalid",)),
    Row("others_marked_and_coded", lambda s: coded(s.theirs, s.path("theirs_crf28.mp4"), crf=28), TAMPERED,
        ("recovered: marked, as others made it",)),
    Row("signed_again_by_a_stranger", lambda s: s.signed_by_stranger(remuxed(s.one, s.path("x.mp4")), "re.mp4"),
        TAMPERED, ("contradictory",)),
    Row("signed_by_a_namesake_for_the_public",
        lambda s: s.signed_by_stranger(write(s.path("y.mp4"), s.footage, s.voice), "namesake.mp4"),
        NOTHING, ("not trusted",), "public"),
    Row("stamped_then_revoked", lambda s: s.dated[1], KNOWN, ("revoked later",), "careful"),
    Row("not_stamped_then_revoked", lambda s: s.dated[2], NOTHING, ("was revoked",), "careful"),
    Row("coded_again_after_rotation", lambda s: coded(s.one, s.path("older.mp4"), crf=28), TAMPERED, TOLD, "rotated"),
    Row("sidecar_beside_footage", lambda s: s.with_sidecar(s.plain, "beside.mp4"), KNOWN, ("says a sidecar file",)),
    Row("sidecar_of_another_file",
        lambda s: s.with_sidecar(write(s.path("z.mp4"), s.footage[::-1], s.voice), "strange.mp4", s.plain), TAMPERED,
        ("in the sidecar file",)),
    Row("sidecar_beside_stripped_output",
        lambda s: s.with_sidecar(remuxed(s.one, s.path("w.mp4")), "stripped.mp4", s.plain), TAMPERED, ("sidecar",)),
    Row("credentials_elsewhere_not_fetched", lambda s: s.elsewhere("elsewhere.mp4"), NOTHING, ("was not asked",)),
]  # fmt: skip
"""`mark_copied_by_averaging` is right both as nothing (no mark came over) and as a mark on other content; what would be
wrong is to believe it."""

assert len({row.name for row in ROWS}) == len(ROWS)
