"""The tracker: landmarks, pose, gaze, actions, finding, refusing, steadiness, speed."""

from benchmarks.tracker.suite import Setting, run

__all__ = ["Setting", "run"]
