"""How well the detector tells made faces from filmed ones: people, voices, seeds and kinds that it never saw."""

from benchmarks.detector.suite import Setting, run, without_fakes

__all__ = ["Setting", "run", "without_fakes"]
