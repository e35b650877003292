from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import pytest

from trivirt.simulator import SimulatedEngine
from trivirt.wire._messages import Request, Response

API = "/ovirt-engine/api"


@dataclass
class Asker:
    """A client without a network: signs on, then calls the engine's `handle`."""

    engine: SimulatedEngine
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.token = self.token or self.sign_on()

    def sign_on(self) -> str:
        answer = self.send(
            "POST",
            "/ovirt-engine/sso/oauth/token",
            f"grant_type=password&scope=ovirt-app-api&username={self.engine.username}"
            f"&password={self.engine.password}",
            accept="application/json",
        )
        return json.loads(answer.body)["access_token"]

    def send(self, method: str, target: str, body: str | bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body.encode() if isinstance(body, str) else body
        return self.engine.handle(Request(method, target, tuple(named.items()), data))

    def __call__(self, method: str, path: str, body: str = "", **headers: str) -> Response:
        known = {"authorization": f"Bearer {self.token}", **self.headers}
        if body:
            known["content-type"] = "application/xml"
        return self.send(method, API + path, body, **{**known, **headers})

    def get(self, path: str, **headers: str) -> Response:
        return self("GET", path, **headers)

    def first(self, path: str) -> str:
        """The path of the first entity of a list."""
        found = hrefs(self.get(path))
        assert found, path
        return found[0]

    def value(self, path: str, element: str) -> str | None:
        """The text of the first such element."""
        match = re.search(rf"<{element}>([^<]*)</{element}>", self.get(path).body.decode())
        return match and match[1]


def hrefs(answer: Response) -> list[str]:
    """Paths of the entities in a list, relative to the API."""
    pattern = rf'^    <\w+ href="{API}([^"]+)" id='
    return re.findall(pattern, answer.body.decode(), re.MULTILINE)


@pytest.fixture
def engine() -> SimulatedEngine:
    return SimulatedEngine(vms=20)


@pytest.fixture
def ask(engine: SimulatedEngine) -> Asker:
    return Asker(engine)


@pytest.fixture
def asker() -> type[Asker]:
    """For tests that make an engine of their own."""
    return Asker


@pytest.fixture
def listed():
    """Paths of the entities in a list."""
    return hrefs


class RawClient:
    """Speaks bytes to an engine in process, and splits what comes back into answers."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._data = b""

    async def send(self, data: bytes) -> None:
        await self.stream.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        while b"\r\n\r\n" not in self._data:
            await self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])
        }
        size = int(headers.get("content-length", 0))
        while len(self._data) < size:
            await self._more()
        body, self._data = self._data[:size], self._data[size:]
        return int(lines[0].split()[1]), headers, body

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        while piece := await self.stream.read(65536):
            self._data += piece
        return self._data

    async def _more(self) -> None:
        piece = await self.stream.read(65536)
        if not piece:
            raise EOFError(self._data)
        self._data += piece


@pytest.fixture
async def dial(nursery):
    """Connect to an engine in process: `client = await dial(engine)`."""

    async def connect(engine: SimulatedEngine) -> RawClient:
        stream = await engine.network_backend(nursery).connect_tcp("engine.simulated", 80)
        return RawClient(stream)

    return connect


@pytest.fixture
def get():
    """The bytes of a GET as the user who holds the token."""

    def bytes_of(ask: Asker, path: str, *lines: str, method: str = "GET") -> bytes:
        head = [f"{method} {API}{path} HTTP/1.1", "Host: engine.simulated"]
        head += [f"Authorization: Bearer {ask.token}", *lines, "", ""]
        return "\r\n".join(head).encode()

    return bytes_of
