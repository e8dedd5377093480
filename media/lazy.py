"""Names of a package that are loaded when they are first asked for, so that importing it costs nothing.

__getattr__ = lazily(__name__, {"read_picture": "pictures", "VideoReader": "video"})
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` for names that live in modules of `package` (name -> module, "" for the module of that
    name itself), or in modules with a dot ("media.video") anywhere."""

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        where = home[name]
        return getattr(importlib.import_module(where if "." in where else f"{package}.{where}"), name)

    return get
