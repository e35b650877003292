"""What `debug=True` writes to the program's log: `<` is sent, `>` is received, `*` is a remark.

Tokens do not appear, and signing on is only remarked: a log is read by more people than those who
may have the password.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def sent(
    log: Any, method: str, target: str, headers: Iterable[tuple[str, str]], body: str | None
) -> None:
    """Show a request, before it is sent."""
    log.debug(f"< {method} {target} HTTP/1.1")
    for name, value in headers:
        log.debug(f"< {name}: {value}")
    log.debug("< Authorization: Bearer ***")
    for line in (body or "").splitlines():
        log.debug(f"< {line}")


def received(log: Any, lines: Iterable[str], body: bytes) -> None:
    """Show an answer, when the program gets it."""
    for line in lines:
        log.debug(f"> {line}")
    log.debug("> ")
    for line in body.decode("utf-8", "replace").splitlines():
        log.debug(f"> {line}")


def remark(log: Any, text: str) -> None:
    log.debug(f"* {text}")
