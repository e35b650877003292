"""Numbered requests under random faults: none lost, none mixed up, none hung, no POST run twice.

The server is this file's own, so that no mistake can be shared by both sides. `nox -s tests` runs
a part of the storm; `nox -s integration` runs 100,000 requests.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest
import trio
from scripted_network import Peer, answer
from trio.testing import MockClock

from trivirt.errors import ConnectionLost, RemoteProtocolError, TimedOut
from trivirt.wire import Pool, Request, Response, Timeouts

COUNT = int(os.environ.get("TRIVIRT_STORM", "18000"))
SEEDS = [20261123, 7, 4711]


class Storm:
    """A server whose every answer may meet with a fault; counts what it has executed."""

    def __init__(self, seed: int, rate: float) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self.executed: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    async def serve(self, peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            if self._random.random() > self._rate:
                await self._answer(peer, request)
            elif await self._fault(peer, request):
                return

    async def _answer(self, peer: Peer, request: str, *headers: str) -> None:
        self.executed[request] += 1
        await peer.send(answer(request, headers=headers))

    async def _fault(self, peer: Peer, request: str) -> bool:
        """One fault; tells whether the connection is over."""
        kind = self._random.choice(
            ["reset", "run and reset", "truncate", "stall", "close", "401", "503", "slow", "1xx"]
        )
        self.faults[kind] += 1
        if kind == "1xx":
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n")
        elif kind == "slow":
            await trio.sleep(self._random.random())
        if kind in ("1xx", "slow"):
            await self._answer(peer, request)
        elif kind in ("401", "503"):
            await peer.send(answer(request, status=f"{kind} No"))
        elif kind == "close":
            await self._answer(peer, request, "Connection: close")
        elif kind == "truncate":
            self.executed[request] += 1
            data = answer(request)
            await peer.send(data[: self._random.randrange(1, len(data))])
        elif kind == "stall":
            await trio.sleep_forever()
        elif kind == "run and reset":
            self.executed[request] += 1
        return kind not in ("1xx", "slow", "401", "503")


class Caller:
    """Sends numbered requests as an engine would and keeps every result."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self._pool = pool
        self._random = random.Random(seed + 1)
        self.results: dict[int, str] = {}

    async def work(self, numbers: Any) -> None:
        for number in numbers:
            method = "POST" if number % 10 == 0 else "GET"
            request = Request(method, f"/{number}")
            if number % 17 == 3:
                with trio.move_on_after(self._random.random() / 100) as scope:
                    await self._ask(request, number)
                if scope.cancelled_caught:
                    self.results[number] = "cancelled"
            else:
                await self._ask(request, number)

    async def _ask(self, request: Request, number: int) -> None:
        while True:
            try:
                response: Response = await self._pool.request(request)
            except (ConnectionLost, TimedOut, RemoteProtocolError) as exc:
                if request.safe:
                    continue
                self.results[number] = "unknown" if getattr(exc, "sent", True) else "not sent"
                return
            assert response.body.decode() == f"{request.method} {request.target}"
            if response.status == 200:
                self.results[number] = "done"
                return
            assert response.status in (401, 503)
            if response.status == 503 and not request.safe:
                self.results[number] = "refused"
                return


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.3])
@pytest.mark.parametrize("seed", SEEDS)
async def test_storm(open_pool: Any, autojump_clock: MockClock, seed: int, rate: float) -> None:
    count = COUNT // len(SEEDS) // 3
    print(f"seed {seed}, {count} requests, {rate:.1%} faults")
    storm = Storm(seed, rate)
    limits = Timeouts(first_byte=30, silence=30)
    async with open_pool(storm.serve, connections=6, depth=8, timeouts=limits) as (pool, _):
        caller = Caller(pool, seed)
        with trio.fail_after(1e6):  # Of the mock clock: a wait that never ends would end here.
            async with trio.open_nursery() as nursery:
                for first in range(60):
                    nursery.start_soon(caller.work, range(first, count, 60))
        assert pool.statistics().in_flight == pool.statistics().waiting == 0
    assert len(caller.results) == count
    outcomes = Counter(caller.results.values())
    print(f"results {dict(outcomes)}, faults {dict(storm.faults)}")
    for number, result in caller.results.items():
        if number % 10 == 0:
            executed = storm.executed[f"POST /{number}"]
            assert executed <= 1, number
            assert result != "done" or executed == 1, number
            assert result not in ("refused", "not sent") or executed == 0, number
        else:
            assert result in ("done", "cancelled"), number
            assert result != "done" or storm.executed[f"GET /{number}"] >= 1, number
