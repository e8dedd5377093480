"""A process that takes a task and never answers; a module of its own, so that it starts at once."""

import time
from collections.abc import Callable
from typing import Any


def asleep() -> Callable[[Any], Any]:
    """`opening` of such a process."""
    return lambda task: time.sleep(600)
