"""A plug for speech models of the user's own: wav2vec 2.0, HuBERT, WavLM and their like, from a folder on disk.

The model is frozen; a small head trained here (`vasari train speech --encoder FOLDER`) reads lips from its hidden
states. It is run on windows that end `DELAY` frames after what is answered, `HOP` frames at a time: for recordings, not
for live use.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from generate.acting import AHEAD, CHANNELS, CLASSES, frame_rms
from generate.speech.encoder import decode
from generate.speech.stepping import DELAY
from lab.weights import load_weights
from media.errors import MissingExtraError, WeightsError
from media.stepping import Constant, Memory
from media.units import SAMPLES_PER_FRAME

HOP = 10  # frames that are answered at a time
CONTEXT = 75  # frames before them that the model hears
TOKENS = 2  # hidden states a frame
RECEPTIVE, STRIDE = 400, 320  # samples that a hidden state sees, and between two
WIDTH = 128
MODEL = "speech-head"


class LipHead(nn.Module):
    """Hidden states -> lip channels, closure, phones."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.config = {"hidden": hidden}
        self.norm = nn.LayerNorm(hidden)
        self.mix = nn.Conv1d(hidden, WIDTH, 5, padding=2)
        self.lips = nn.Conv1d(WIDTH, len(CHANNELS) + 1, TOKENS, stride=TOKENS)
        self.phones = nn.Conv1d(WIDTH, len(CLASSES), 1)

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """states (B, 2 T, hidden) -> channels (B, T, C), closure logits (B, T), phone logits (B, 2 T, classes)."""
        x = F.gelu(self.mix(self.norm(states.float()).to(self.mix.weight.dtype).transpose(1, 2)))
        lips = self.lips(x).transpose(1, 2).float()
        return lips[..., :-1], lips[..., -1], self.phones(x).transpose(1, 2).float()


class HuggingFaceEncoder(Constant):
    """A speech model of the user's own with its head; where `SpeechEncoder` can stand, this can.

    Raises:
        MissingExtraError: `transformers` is not installed.
        WeightsError: the folder holds no such model, or the head was trained on another.
    """

    def __init__(self, folder: Path | str, head: LipHead | None = None) -> None:
        self.model = _model(Path(folder))
        hidden = int(self.model.config.hidden_size)
        self.head = head or LipHead(hidden)
        if self.head.config["hidden"] != hidden:
            raise WeightsError(
                f"{folder}: hidden states of {hidden} numbers, and a head trained on {self.head.config['hidden']}; "
                f"train one with `vasari train speech --encoder {folder}`"
            )
        self.head.eval()

    @classmethod
    def load(cls, folder: Path | str, head: Path | str) -> "HuggingFaceEncoder":
        """The model in `folder` with the head in the weight file `head`."""
        tensors, card = load_weights(head, MODEL)
        network = LipHead(**card.config)
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
        return cls(folder, network)

    def states(self, sound: torch.Tensor) -> torch.Tensor:
        """Hidden states (B, 2 T, hidden) of sound (B, T * 640), each example at zero mean and unit deviation."""
        sound = (sound - sound.mean(-1, keepdim=True)) / (sound.std(-1, keepdim=True) + 1e-5)
        padded = F.pad(sound, ((RECEPTIVE - STRIDE) // 2, (RECEPTIVE - STRIDE) - (RECEPTIVE - STRIDE) // 2))
        with torch.no_grad():
            hidden: torch.Tensor = self.model(padded).last_hidden_state
            return hidden

    def listen(self) -> "HuggingFaceEar":
        """Start listening to one sound."""
        return HuggingFaceEar(self)


def _model(folder: Path) -> Any:
    try:
        from transformers import AutoModel
    except ImportError as error:
        raise MissingExtraError("speech models of Hugging Face need `pip install vasari[hf]`") from error
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder}: holds no Hugging Face model (no config.json); give a folder on this disk")
    try:
        model = AutoModel.from_pretrained(str(folder), local_files_only=True).eval()
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{folder}: cannot be loaded as a Hugging Face model ({error})") from error
    kernels, strides = getattr(model.config, "conv_kernel", ()), getattr(model.config, "conv_stride", ())
    if int(np.prod(strides or (0,))) != STRIDE or not kernels:
        raise WeightsError(f"{folder}: not a model of raw sound with a hidden state every 20 ms, as wav2vec 2.0 is")
    return model.requires_grad_(False)


class HuggingFaceEar(Memory):
    """Listens to one sound, `HOP` frames at a time."""

    def __init__(self, encoder: HuggingFaceEncoder) -> None:
        self._encoder = encoder
        self._sound = np.zeros(0, np.float32)  # from at most `CONTEXT` frames before the next answer on
        self._before = 0  # frames in `_sound` that were answered

    @torch.inference_mode()
    def hear(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whole frames of sound -> channels (n, C), closure (n,), loudness `AHEAD` frames later (n,)."""
        self._sound = np.concatenate([self._sound, sound.astype(np.float32)])
        answers = [(np.zeros((0, len(CHANNELS)), np.float32), np.zeros(0, np.float32), np.zeros(0))]
        while len(self._sound) >= (self._before + HOP + DELAY) * SAMPLES_PER_FRAME:
            window = self._sound[: (self._before + HOP + DELAY) * SAMPLES_PER_FRAME]
            channels, logits, _ = self._encoder.head(self._encoder.states(torch.from_numpy(window)[None]))
            now = slice(self._before, self._before + HOP)
            loudness = frame_rms(window)[self._before + AHEAD :][:HOP]
            answers.append((*decode(channels[0, now].numpy(), logits[0, now].numpy()), loudness))
            drop = max(0, self._before + HOP - CONTEXT)
            self._sound = self._sound[drop * SAMPLES_PER_FRAME :]
            self._before += HOP - drop
        channels, closure, loudness = (np.concatenate(part) for part in zip(*answers, strict=True))
        return channels, closure, loudness

    def end(self, tail: np.ndarray, left: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The sound has ended with `tail` (n < 640,): the `left` frames that still wait. Silence follows."""
        padded = np.zeros((left + HOP + DELAY) * SAMPLES_PER_FRAME, np.float32)
        padded[: len(tail)] = tail
        channels, closure, loudness = self.hear(padded)
        return channels[:left], closure[:left], loudness[:left]

    @property
    def held(self) -> int:
        """Samples remembered."""
        return len(self._sound)
