"""`python -m trivirt.simulator`: the simulated engine as a process, without the extra `cli`."""

from __future__ import annotations

import sys

from trivirt.simulator._serve import main

if __name__ == "__main__":
    sys.exit(main())
