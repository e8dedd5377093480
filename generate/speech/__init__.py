"""What a recording says about lips: a causal speech encoder and its recipe."""

from generate.speech.encoder import Ear, Encoder, Listener, SpeechEncoder

__all__ = ["Ear", "Encoder", "Listener", "SpeechEncoder"]
