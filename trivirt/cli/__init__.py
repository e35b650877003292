"""The command line: `trivirt`, or `python -m trivirt`.

One module per command; `_main` gathers them and turns errors into sentences and exit codes. click
and rich come with the extra `trivirt[cli]`, so this module imports neither before it must.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trivirt.cli._failure import missing_library

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 failed, 2 wrong option, 130 Ctrl-C."""
    try:
        from trivirt.cli._main import run
    except ModuleNotFoundError as error:
        text = missing_library(error)
        if text is None:
            raise
        print(f"trivirt: {text}", file=sys.stderr)
        return 1
    return run(arguments)
