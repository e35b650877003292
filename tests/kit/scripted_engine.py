"""A small engine made of scripts: sign-on and a few answers, with everything it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import parse_qs

import trio
from scripted_network import Peer, ScriptedNetwork, answer

URL = "http://engine/ovirt-engine/api"
JSON = ["Content-Type: application/json"]
XML = ["Content-Type: application/xml;charset=UTF-8", "Correlation-Id: c-1"]


def reply(body: str, *, status: str = "200 OK", headers: list[str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    lines += XML if headers is None else headers
    return "\r\n".join([*lines, "", body]).encode()


class ScriptedEngine:
    """Serves connections as `ScriptedNetwork` scripts do.

    `answers` maps a request line to bytes, or to a function that makes them when asked; anything
    else is answered with its own request line. An answer that has one of `gates` waits for it.
    `live` are the tokens that are valid now.
    """

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[], bytes]] = {}
        self.gates: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.heads: list[str] = []
        self.bodies: list[str] = []
        self.live: set[str] = set()
        self.logins = 0
        self.logouts: list[str] = []

    async def serve(self, peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            self.heads.append(peer.head)
            self.bodies.append(peer.body.decode())
            self.asked.append(request)
            if (gate := self.gates.get(request)) is not None:
                await trio.to_thread.run_sync(gate.wait, abandon_on_cancel=True)
            await peer.send(self._answer(request, peer))

    def _answer(self, request: str, peer: Peer) -> bytes:
        special = self.answers.get(request)
        if special is not None:
            return special if isinstance(special, bytes) else special()
        if request == "POST /ovirt-engine/sso/oauth/token":
            return self._sign_on(peer.body)
        if request == "POST /ovirt-engine/services/sso-logout":
            token = parse_qs(peer.body.decode())["token"][0]
            self.live.discard(token)
            self.logouts.append(token)
            return reply("{}", headers=JSON)
        if not any(f"Authorization: Bearer {token}\r\n" in peer.head for token in self.live):
            page = "<html><head><title>Error</title></head><body>Unauthorized</body></html>"
            return reply(page, status="401 Unauthorized", headers=["Content-Type: text/html"])
        return answer(request)

    def _sign_on(self, body: bytes) -> bytes:
        form = parse_qs(body.decode())
        self.forms.append(form)
        if form["password"] != ["secret"]:
            text = '{"error_code":"access_denied","error":"Cannot authenticate user.."}'
            return reply(text, status="400 Bad Request", headers=JSON)
        self.logins += 1
        token = f"token-{self.logins}"
        self.live.add(token)
        return reply(f'{{"access_token":"{token}","exp":"9223372036854775807"}}', headers=JSON)


__all__ = ["JSON", "URL", "XML", "ScriptedEngine", "ScriptedNetwork", "reply"]
