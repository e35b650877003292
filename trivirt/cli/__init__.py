"""The command line: `trivirt`, or `python -m trivirt`.

One module per command; `_main` gathers them and turns errors into sentences and exit codes. click
and rich come with the extra `trivirt[cli]`, so this module imports neither before it must.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_LIBRARIES = frozenset({"click", "rich", "trustme"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 failed, 2 wrong option, 130 Ctrl-C."""
    try:
        from trivirt.cli._main import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        print(
            f"trivirt: the command line needs {error.name}, which is not installed here; "
            "run: pip install 'trivirt[cli]'",
            file=sys.stderr,
        )
        return 1
    return run(arguments)
