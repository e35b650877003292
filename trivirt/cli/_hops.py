"""The first stretch of the way to an engine: names, addresses and ports. Knows no HTTP."""

from __future__ import annotations

import ipaddress
import os
from typing import NamedTuple

import trio

from trivirt.wire import Origin

__all__ = ["Hop", "Reached", "first_hop", "reach", "resolve"]

_LIMIT = 10.0  # Seconds for DNS, and for each connection.


class Hop(NamedTuple):
    """Where the first connection goes: to the engine, or to the proxy before it."""

    host: str
    port: int
    proxy: bool

    @property
    def is_address(self) -> bool:
        """Whether it needs no DNS."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


class Reached(NamedTuple):
    """Which addresses take connections, in seconds, and which do not, and why."""

    seconds: dict[str, float]
    failures: dict[str, str]


def first_hop(origin: Origin) -> Hop:
    """Where the first connection goes."""
    if origin.proxy is not None:
        return Hop(origin.proxy.host, origin.proxy.port, True)
    return Hop(origin.host, origin.port, False)


async def resolve(hop: Hop) -> list[str]:
    """The addresses of a host. Raises OSError, or trio.TooSlowError."""
    with trio.fail_after(_LIMIT):
        found = await trio.socket.getaddrinfo(hop.host, hop.port, type=trio.socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def reach(addresses: list[str], port: int) -> Reached:
    """Try each address, all at the same time: a client takes one, and an idle one slows it."""
    reached = Reached({}, {})
    async with trio.open_nursery() as nursery:
        for address in addresses:
            nursery.start_soon(_try, address, port, reached)
    return reached


async def _try(address: str, port: int, reached: Reached) -> None:
    start = trio.current_time()
    try:
        with trio.fail_after(_LIMIT):
            stream = await trio.open_tcp_stream(address, port)
    except trio.TooSlowError:
        reached.failures[address] = f"no answer within {_LIMIT:g} s"
    except OSError as exc:
        reached.failures[address] = _words(exc)
    else:
        reached.seconds[address] = trio.current_time() - start
        await stream.aclose()


def _words(exc: BaseException) -> str:
    """What the system says, below trio's own words for it."""
    inside = getattr(exc, "exceptions", None)
    if inside:
        return _words(inside[0])
    if exc.__cause__ is not None:
        return _words(exc.__cause__)
    number = getattr(exc, "errno", None)
    said = str(exc) if number is None else os.strerror(number)
    return said[:1].lower() + said[1:]
