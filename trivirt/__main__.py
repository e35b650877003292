"""`python -m trivirt` is the same as the command `trivirt`."""

from __future__ import annotations

import sys

from trivirt.cli import main

if __name__ == "__main__":
    sys.exit(main())
