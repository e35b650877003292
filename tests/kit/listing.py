"""A program that lists machines and prints what it imported for that, in the order of its end."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["DEPENDENCIES", "modules_of_a_listing"]

#: What trivirt cannot do without. Whatever else is imported is its own affair.
DEPENDENCIES = "import trio, httpcore, lxml.etree, httptools"

_LISTING = f"""
import sys
{DEPENDENCIES}
before = set(sys.modules)
import trivirt

async def main(url, username, password, ca_file):
    async with trivirt.open_engine(
        url, username=username, password=password, ca_file=ca_file
    ) as engine:
        await engine.vms.list()

trio.run(main, *sys.argv[1:])
print(*[name for name in sys.modules if name not in before])
"""


def modules_of_a_listing(url: str, username: str, password: str, ca_file: str) -> list[str]:
    """What it takes to open this engine and list its machines, beside the four dependencies."""
    line = [sys.executable, "-I", "-c", _LISTING, url, username, password, ca_file]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()
