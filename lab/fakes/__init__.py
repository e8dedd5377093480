"""A labelled set of fakes with the real beside each: what the detector learns from and is measured on.

It lives above `detect`, which never sees the generator: what comes out is a folder (`lab.labelled.manifest`).
"""

from lab.fakes.kinds import KINDS, UNSEEN
from lab.fakes.maker import Making, make_set

__all__ = ["KINDS", "UNSEEN", "Making", "make_set"]
