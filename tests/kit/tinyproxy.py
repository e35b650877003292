"""A real HTTP proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from programs import folder, free_port, program, running

CONFIG = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 50
Allow 127.0.0.1
LogFile "{dir}/tinyproxy.log"
LogLevel Connect
{extra}
"""


class Tinyproxy:
    """A proxy that runs."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self._log = port, log

    @property
    def tunnels(self) -> int:
        """How many tunnels were asked for."""
        return self._log.read_text().count(": CONNECT ")


def missing() -> str | None:
    """What has to be installed first; None when everything is there."""
    if program("tinyproxy") is None:
        return "tinyproxy is not installed (Debian: tinyproxy-bin)"
    return None


@contextlib.contextmanager
def tinyproxy(*extra: str) -> Iterator[Tinyproxy]:
    """Run a proxy with these further lines of configuration."""
    with folder() as place:
        port = free_port()
        config = place / "tinyproxy.conf"
        config.write_text(CONFIG.format(port=port, dir=place, extra="\n".join(extra)))
        line = [program("tinyproxy") or "", "-d", "-c", str(config)]
        with running(line, port, place / "output.log"):
            yield Tinyproxy(port, place / "tinyproxy.log")
