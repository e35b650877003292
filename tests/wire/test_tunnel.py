"""Tunnels through proxies: the request for one, and every answer to it."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from scripted_network import Peer, Script, ScriptedNetwork

from trivirt.errors import ConnectFailed
from trivirt.wire import Origin, Proxy, Request, Timeouts
from trivirt.wire._dial import dial
from trivirt.wire._tunnel import Answer, connect_request, read_answer

PROXY = Proxy("proxy", 3128, None, "dXNlcjpwdw==")
GOOD = b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_the_request_for_a_tunnel() -> None:
    assert connect_request(PROXY, "::1", 443) == (
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: trivirt\r\n"
        b"Proxy-Authorization: Basic dXNlcjpwdw==\r\n\r\n"
    )
    assert b"Authorization" not in connect_request(Proxy("proxy", 80), "engine", 443)


ANSWERS = [
    (GOOD, Answer(200, "Connection established")),
    (b"HTTP/1.0 200\r\nVia: x\r\n\r\n", Answer(200)),
    (b"HTTP/1.1 200 OK\n\n", Answer(200, "OK")),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, Answer(200, "Connection established")),
    (b"HTTP/1.1 403 Filtered\r\nContent-Length: 2\r\n\r\n", Answer(403, "Filtered")),
    (
        b"HTTP/1.1 407 Auth\r\nPROXY-Authenticate:Negotiate\r\nProxy-Authenticate: NTLM x\r\n\r\n",
        Answer(407, "Auth", ("Negotiate", "NTLM")),
    ),
]


@pytest.mark.parametrize(("data", "answer"), ANSWERS, ids=[str(a.status) for _, a in ANSWERS])
def test_an_answer_split_at_every_byte(data: bytes, answer: Answer) -> None:
    for end in range(len(data)):
        assert read_answer(data[:end]) is None
    assert read_answer(data) == answer
    assert read_answer(data + b"tail") == Answer(
        answer.status, answer.reason, answer.offers, b"tail"
    )


def test_interim_answers_without_end() -> None:
    assert read_answer(b"HTTP/1.1 100\r\n\r\n" * 5000) is None
    assert read_answer(b"HTTP/1.1 100\r\n\r\n" * 5000 + GOOD) == ANSWERS[0][1]


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-x\r\n", b"\x15\x03\x01", b"HTTP/2", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_answer(data: bytes) -> None:
    assert read_answer(data) == Answer(0)


# The tunnel, on scripted streams.


def proxying(answer: bytes, then: Script | None = None, *, step: int = 0) -> Script:
    """A proxy that gives this answer, in pieces of `step` bytes, and then plays the origin."""

    async def script(peer: Peer) -> None:
        if await peer.request() is None:
            return
        for start in range(0, len(answer), step or len(answer) or 1):
            await peer.send(answer[start : start + step] if step else answer)
        if then is not None:
            await then(peer)

    return script


async def tunnel(nursery: trio.Nursery, script: Script | None, proxy: Proxy = PROXY) -> Any:
    network = ScriptedNetwork(nursery, script)
    origin = Origin("engine", 443, None, proxy)
    return await dial(origin, network, Timeouts(connect=5)), network


@pytest.mark.parametrize("step", [0, 1, 7])
async def test_a_tunnel_carries_http(nursery: trio.Nursery, open_pool: Any, step: int) -> None:
    async def echo(peer: Peer) -> None:
        assert "Proxy-Authorization: Basic dXNlcjpwdw==\r\n" in peer.head
        while (request := await peer.request()) is not None:
            assert "Proxy" not in peer.head
            await peer.answer(request)

    script = proxying(GOOD, echo, step=step)
    async with open_pool(script, origin=Origin("engine", 80, None, PROXY)) as (pool, _):
        for number in range(3):
            assert (await pool.request(Request("GET", f"/{number}"))).status == 200


@pytest.mark.parametrize(
    ("answer", "proxy", "words"),
    [
        (b"HTTP/1.1 407 x\r\n\r\n", Proxy("p", 1), "wants a user name and a password"),
        (b"HTTP/1.1 407 x\r\n\r\n", PROXY, "refused the user name and password in its URL"),
        (b"HTTP/1.1 401 x\r\n\r\n", PROXY, "refused the user name and password in its URL"),
        (
            b"HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            PROXY,
            "wants a sign-on by Negotiate .407.; trivirt speaks Basic only",
        ),
        (b"HTTP/1.1 403 No\r\n\r\n", PROXY, "does not allow a connection to engine:443: 403 No"),
        (b"HTTP/1.1 502 No\r\n\r\n", PROXY, "proxy:3128 could not reach engine:443: 502 No"),
        (b"HTTP/1.1 404 \x1b[31m\r\n\r\n", PROXY, r"refused a connection to engine:443: 404 \[31m"),
        (b"SSH-2.0\r\n", PROXY, "did not answer in HTTP"),
        (b"", PROXY, "closed the connection instead of answering CONNECT"),
        (b"HTTP/1.1 200", PROXY, "closed the connection instead of answering CONNECT"),
        (GOOD + b"x", PROXY, "sent something behind its answer"),
        (b"HTTP/1.1 200 x\r\n" + b"a: b\r\n" * 20_000, PROXY, "a head of more than 65536 bytes"),
    ],
)
async def test_a_proxy_that_refuses(
    nursery: trio.Nursery, answer: bytes, proxy: Proxy, words: str
) -> None:
    with pytest.raises(ConnectFailed, match=words) as caught:
        await tunnel(nursery, proxying(answer), proxy)
    assert "dXNlcjpwdw" not in str(caught.value)
    assert caught.value.sent is False


async def test_a_proxy_that_breaks_the_connection(nursery: trio.Nursery) -> None:
    async def reset(peer: Peer) -> None:
        await trio.aclose_forcefully(peer.stream)

    words = "The connection to the proxy proxy:3128 broke|closed the connection instead"
    with pytest.raises(ConnectFailed, match=words):
        await tunnel(nursery, reset)


async def test_a_proxy_that_is_not_there(nursery: trio.Nursery) -> None:
    with pytest.raises(ConnectFailed, match="The proxy cannot be reached: No connection to proxy"):
        await tunnel(nursery, None)


async def test_the_time_to_connect_covers_the_tunnel(
    nursery: trio.Nursery, autojump_clock: Any
) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    start = trio.current_time()
    with pytest.raises(ConnectFailed, match="no connection to engine:443 within 5 s"):
        await tunnel(nursery, silent)
    assert trio.current_time() - start == pytest.approx(5)


async def test_cancelling_closes_the_stream(nursery: trio.Nursery, autojump_clock: Any) -> None:
    ended = trio.Event()

    async def silent(peer: Peer) -> None:
        while await peer.request() is not None:
            pass
        ended.set()

    with trio.move_on_after(1) as scope:
        await tunnel(nursery, silent)
    assert scope.cancelled_caught
    with trio.fail_after(1):
        await ended.wait()
