"""Makes `import ovirtsdk4` find the stand-in, whether or not the real one is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_NAME = "ovirtsdk4"
_FOLDER = os.path.join(os.path.dirname(__file__), "stand_in")


class _Finder:
    """Finds the stand-in's package; that finds its own modules as packages do."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [_FOLDER]) if name == _NAME else None


_finder = _Finder()


def stand_in_folder() -> str:
    """The folder that holds the stand-in: on a PYTHONPATH it reaches programs started from here.

    That also reaches interpreters which trivirt is not installed for; they cannot import it then.
    """
    return _FOLDER


def install() -> None:
    """From here on `import ovirtsdk4` and its modules resolve to trivirt's, in this process.

    Doing it twice is harmless. A real ovirtsdk4 that was imported before is forgotten; modules
    that hold it already keep it.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    present = sys.modules.get(_NAME)
    if present is not None and not str(getattr(present, "__file__", "")).startswith(_FOLDER):
        for name in [n for n in sys.modules if n == _NAME or n.startswith(f"{_NAME}.")]:
            del sys.modules[name]
