"""The latest events of an engine, oldest first; `trivirt simulate -- python FILE [N]` runs it."""

from __future__ import annotations

import os
import sys

import trio

import trivirt


async def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 10
    async with trivirt.open_engine(
        os.environ["OVIRT_URL"],
        username=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ.get("OVIRT_CAFILE"),
    ) as engine:
        # Without `max` the answer is the engine's whole log.
        newest_first = await engine.events.list(max=count)
        for event in reversed(newest_first):
            print(f"{event.time} {event.severity} {event.description}")


trio.run(main)
