"""Making a connection: what fails, what is said, and that nothing stays open."""

from __future__ import annotations

from typing import Any

import httpcore
import pytest
import trio
import trio.testing
from scripted_network import MemoryStream

from trivirt.errors import ConnectFailed, TlsFailed
from trivirt.wire import Origin, Timeouts, client_context
from trivirt.wire._dial import dial

ENGINE = Origin("engine", 443)


class Network(httpcore.AsyncNetworkBackend):
    """Fails as it is told, or gives the client's end of a stream whose other end is silent."""

    def __init__(self, error: Exception | None = None, delay: float = 0.0) -> None:
        self._error, self._delay = error, delay
        self.asked: list[tuple[str, int]] = []
        self.closed = 0

    async def connect_tcp(self, host: str, port: int, *args: Any, **keywords: Any) -> MemoryStream:
        self.asked.append((host, port))
        await trio.sleep(self._delay)
        if self._error is not None:
            raise self._error
        client, self.server = trio.testing.memory_stream_pair()
        stream = MemoryStream(client)
        close = stream.aclose

        async def closing() -> None:
            self.closed += 1
            await close()

        stream.aclose = closing  # type: ignore[method-assign]
        return stream


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("engine", 80), "engine"),
        (Origin("engine", 443), "engine:443"),
        (Origin("engine", 443, client_context()), "engine"),
        (Origin("::1", 8443, client_context()), "[::1]:8443"),
    ],
)
def test_the_authority(origin: Origin, authority: str) -> None:
    assert origin.authority == authority


def refused() -> httpcore.ConnectError:
    """What httpcore makes of trio's error for several addresses."""
    several = ExceptionGroupLike([ConnectionRefusedError(111, "Connection refused"), OSError(113)])
    error = httpcore.ConnectError("all attempts to connect to engine:443 failed")
    error.__cause__ = OSError("all attempts to connect to engine:443 failed")
    error.__cause__.__cause__ = several
    return error


class ExceptionGroupLike(Exception):
    """An exception group, which Python 3.10 does not have."""

    def __init__(self, exceptions: list[Exception]) -> None:
        super().__init__("several")
        self.exceptions = exceptions


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused(), "No connection to engine:443: connection refused$"),
        (OSError(-2, "Name or service not known"), "engine:443: name or service not known$"),
        (UnicodeError("label empty or too long"), "engine:443: label empty or too long$"),
        (httpcore.ConnectError("Odd"), "engine:443: odd$"),
        (httpcore.ConnectError(), "engine:443: ConnectError$"),
        (httpcore.ConnectTimeout(), "within 10 s; is the host up, and the port open"),
    ],
)
async def test_a_connection_that_cannot_be_made(error: Exception, words: str) -> None:
    with pytest.raises(ConnectFailed, match=words) as caught:
        await dial(ENGINE, Network(error), Timeouts())
    assert caught.value.sent is False


async def test_an_address_of_ipv6_is_in_brackets() -> None:
    with pytest.raises(ConnectFailed, match=r"No connection to \[::1\]:443: odd$"):
        await dial(Origin("::1", 443), Network(httpcore.ConnectError("Odd")), Timeouts())


async def test_the_time_to_connect(autojump_clock: Any) -> None:
    with pytest.raises(ConnectFailed, match="No connection to engine:443 within 3 s"):
        await dial(ENGINE, Network(delay=60), Timeouts(connect=3))
    assert trio.current_time() == pytest.approx(3)


async def test_plain_http_uses_the_stream_as_it_is(autojump_clock: Any) -> None:
    network = Network()
    stream = await dial(ENGINE, network, Timeouts())
    assert isinstance(stream, MemoryStream)
    assert network.asked == [("engine", 443)]
    assert not network.closed
    await stream.aclose()


async def test_a_failed_handshake_closes_the_stream_once(autojump_clock: Any) -> None:
    network = Network()
    with pytest.raises(TlsFailed, match="was not over within 10 s"):
        await dial(Origin("engine", 443, client_context()), network, Timeouts())
    assert network.closed == 1


async def test_a_cancelled_handshake_closes_the_stream(autojump_clock: Any) -> None:
    network = Network()
    with trio.move_on_after(1) as scope:
        await dial(Origin("engine", 443, client_context()), network, Timeouts())
    assert scope.cancelled_caught
    assert network.closed == 1
