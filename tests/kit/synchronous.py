"""Synchronous engines on a real port, and programs that use them in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import trivirt
from trivirt.sync import open_engine

API = "/ovirt-engine/api"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(trivirt.__file__).parents[1]),
    "PYTHONUNBUFFERED": "1",
}
_BEGIN = f"""
import os, signal, sys, threading, time, warnings
import trivirt.sync
from trivirt import errors

def opened(**options):
    options = {{"username": "admin@internal", "password": "secret", **options}}
    url = "http://" + sys.argv[1] + "{API}"
    return trivirt.sync.open_engine(url, **options)

def portals():
    return [one for one in threading.enumerate() if one.name == "trivirt portal"]
"""


def opened(port: int, **options: Any) -> Any:
    """A context of a synchronous engine on a port of this machine."""
    options = {"username": "admin@internal", "password": "secret", **options}
    return open_engine(f"http://127.0.0.1:{port}{API}", **options)


def portals() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "trivirt portal"]


def program(
    code: str, port: int, *, host: str = "127.0.0.1", path: Path | None = None
) -> subprocess.Popen[str]:
    """Start a program in which `opened()` opens the engine at a port; from a file, if given."""
    text = _BEGIN + textwrap.dedent(code)
    line = [sys.executable, "-c", text, f"{host}:{port}"]
    if path is not None:
        path.write_text(text, encoding="utf-8")
        line[1:3] = [str(path)]
    return subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    )


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line that a program writes. What comes after it is left for `ends`.

    `readline` would take that too if it has arrived, and keep it where `communicate` does not look.
    """
    assert process.stdout is not None
    written = b""
    while not written.endswith(b"\n"):
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            break
        written += byte
    return written.decode()


def ends(process: subprocess.Popen[str], *, within: float = 60) -> tuple[str, str, int]:
    """What a program wrote to its outputs, and its exit status.

    One that hangs is killed, with its children, for they would keep the outputs open.
    """
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"it hung; so far it wrote {out!r} and {err!r}") from None
    return out, err, process.returncode
