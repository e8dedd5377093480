"""Synthetic performances: what lips, jaw, head, eyes and brows do when something is said, from published figures.

The data sets (`speechset`) need synthesisers that the product does not; import them from their module.
"""

from lab.performances.lips import class_frames, lip_frames
from lab.performances.nonverbal import Life
from lab.performances.performance import Actor, perform
from lab.performances.phones import Phones
from lab.performances.speechset import build_speech_set

__all__ = ["Actor", "Life", "Phones", "build_speech_set", "class_frames", "lip_frames", "perform"]
