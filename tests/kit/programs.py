"""Real servers as child processes, with everything they need in one temporary directory."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START, STOP, STEP = 20.0, 10.0, 0.02  # Seconds
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")


def program(*names: str) -> str | None:
    """The first of these programs that is installed."""
    return next((found for name in names if (found := shutil.which(name, path=_PATH))), None)


def apache_module(name: str) -> Path | None:
    """The file of a module of Apache httpd; None when it is not installed."""
    files = (Path(folder) / f"mod_{name}.so" for folder in _MODULES)
    return next((file for file in files if file.exists()), None)


def free_port() -> int:
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary directory that the unprivileged children of a server can read, too."""
    with tempfile.TemporaryDirectory(prefix="trivirt-integration-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@contextlib.contextmanager
def running(
    line: Sequence[str], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a program in the foreground; the block begins when its port accepts connections."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
        )
    try:
        _await_port(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(round(START / STEP)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STEP)  # The pause, and it ends early when the program does.
            break
    words = log.read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"{process.args!r} did not start:\n{words}")


def unprivileged() -> tuple[str, str] | None:
    """The user and group that a server started by root should become; None for other users."""
    if os.getuid():
        return None
    import grp

    entry = pwd.getpwnam("nobody")
    return entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name
