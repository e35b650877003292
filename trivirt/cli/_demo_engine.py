"""A simulated engine as a process of its own, for as long as a block lasts.

Own process, because an engine does not share the client's processor time either: in one process
the comparison of ways would measure the simulator.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio

from trivirt.cli._failure import Failure

__all__ = ["DemoEngine", "open_demo_engine", "this_trivirt"]

# A process that was asked to stop gets this long to remove its files.
_GRACE = 5.0


@dataclass(frozen=True)
class DemoEngine:
    """Where a simulated engine listens and who may sign on."""

    url: str
    ca_file: str
    username: str
    password: str


@asynccontextmanager
async def open_demo_engine(options: Sequence[str]) -> AsyncIterator[DemoEngine]:
    """Start `trivirt simulate` with these options, and end it with the block.

    It ends in any case: by a signal when the block is left, and because its standard input ends
    when we are killed. It gets a session of its own, so that a Ctrl-C on the terminal is ours
    alone and the engine outlives the requests that are being cancelled.
    """
    process = await trio.lowlevel.open_process(
        [*this_trivirt(), "simulate", "--until-eof", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **_own_session(),
    )
    said = _Said()
    async with trio.open_nursery() as nursery:
        try:
            nursery.start_soon(said.collect, process)
            yield await _ready(process, said)
        finally:
            with trio.CancelScope(shield=True):
                await _stop(process)
            nursery.cancel_scope.cancel()


def this_trivirt() -> list[str]:
    """The command for another process of this trivirt, whatever lies in the current folder."""
    start = "from trivirt.cli import main; sys.exit(main())"
    return [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {start}"]


def _own_session() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class _Said:
    """The end of what the process says on standard error.

    It is read all the time, so that the process never blocks on it, and is told if it fails.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._ended = trio.Event()

    async def collect(self, process: trio.Process) -> None:
        assert process.stderr is not None
        async for piece in process.stderr:
            self._text += piece
            del self._text[:-4096]
        self._ended.set()

    async def last_line(self) -> str:
        with trio.move_on_after(_GRACE):
            await self._ended.wait()
        lines = bytes(self._text).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "(it said nothing)"


async def _ready(process: trio.Process, said: _Said) -> DemoEngine:
    assert process.stdout is not None
    line = bytearray()
    async for piece in process.stdout:
        line += piece
        if b"\n" in line:
            facts = json.loads(line.partition(b"\n")[0])
            return DemoEngine(facts["url"], facts["ca_file"], facts["username"], facts["password"])
    code = await process.wait()
    why = (await said.last_line()).removeprefix("trivirt: ")
    raise Failure(f"the simulated engine was started and ended with exit code {code}: {why}")


async def _stop(process: trio.Process) -> None:
    assert process.stdin is not None
    await process.stdin.aclose()
    if process.returncode is None and sys.platform != "win32":
        process.send_signal(signal.SIGTERM)
    with trio.move_on_after(_GRACE):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
