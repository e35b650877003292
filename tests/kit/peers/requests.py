"""Every method of every service, called with arguments at random and answered in many ways.

Run under ovirtsdk4 and under trivirt.compat this must print the same: what is sent, what comes of
the answer, and complaints. The argument is a seed.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import ovirtsdk4 as sdk
from ovirtsdk4 import services, types
from surface_facts import SERVICES

RANDOM = random.Random(int(sys.argv[1]))
XML = "application/xml"
ANSWERS = [
    (409, XML, b"<fault><reason>r</reason><detail>d</detail></fault>"),
    (400, XML, b"<fault/>"),
    (400, XML, b"<action><fault><detail>d</detail></fault></action>"),
    (200, XML, b"<action><fault><reason>r</reason></fault></action>"),
    (403, XML, b"<fault><reason>r</reason></fault>"),
    (404, XML, b""),
    (404, XML, b"<vm/>"),
    (500, "text/html", b"<html>no</html>"),
    (200, XML, b""),
    (201, XML, b"<vm id='1'><name>n</name></vm>"),
    (200, XML, b"<vm id='1'><name>n</name></vm>"),
    (200, XML, b"<vms href='/x'><vm id='1'><name>n</name></vm><vm/></vms>"),
    (200, f"{XML};charset=UTF-8", b"<action><status>complete</status><vm id='7'/></action>"),
    (202, XML, b"<action><host id='8'/><ticket><value>v</value></ticket></action>"),
    (200, XML, b"<unheard_of/>"),
]
SIMPLE = {
    "string": ["x", "a b&c", "ü"],
    "integer": [0, 5],
    "boolean": [True, False],
    "decimal": [1.5],
    "date": [datetime(2020, 1, 2, 3, 4, 5)],
}
WRONG = ["x", 5, True, 1.5, ["x"], types.Vm(), types.VmStatus.UP]


class Engine(BaseHTTPRequestHandler):
    """Answers as it is told, and prints what it is asked."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body in one packet, or each answer takes 40 ms.
    answer = ANSWERS[0]

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads that."""

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        code, kind, content = self.answer
        if "/sso/" in self.path or "sso-logout" in self.path:
            code, kind, content = 200, "application/json", b'{"access_token": "t"}'
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            for name in ("host", "accept-encoding", "content-length", "connection"):
                headers.pop(name, None)
            print("  ", self.command, self.path, sorted(headers.items()), repr(body))
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request


def value(fact: dict[str, Any]) -> Any:
    if RANDOM.random() < 0.1:
        return RANDOM.choice(WRONG)
    if fact["kind"] == "struct":
        new = getattr(types, fact["type"])()
        new.href = RANDOM.choice([None, "/h"])
        return new
    if fact["kind"] == "enum":
        return RANDOM.choice(list(getattr(types, fact["type"])))
    # Lists in queries are sent as engines want them, and by ovirtsdk4 as Python shows them.
    return None if fact["kind"] == "list" else RANDOM.choice(SIMPLE[fact["kind"]])


def arguments(method: dict[str, Any]) -> dict[str, Any]:
    found = {fact["name"]: None for fact in method["params"] if fact["in"] == "body"}
    for fact in method["params"]:
        if fact["in"] == "body" or RANDOM.random() < 0.5:
            found[fact["name"]] = value(fact)
    more = {"query": {"correlation_id": "c d", "z": "ä"}, "headers": {"H": "v", "Nothing": None}}
    more |= {"unheard_of": 1, "wait": True}
    return found | {name: one for name, one in more.items() if RANDOM.random() < 0.2}


def plain(found: Any) -> Any:
    if isinstance(found, sdk.Struct):
        return {key: plain(one) for key, one in sorted(vars(found).items()) if one is not None}
    if isinstance(found, list):
        return type(found).__name__, getattr(found, "href", 0), [plain(one) for one in found]
    return repr(found)


def call(method: Any, given: dict[str, Any]) -> None:
    try:
        print("  ", plain(method(**given)))
    except Exception as exc:
        code, fault = getattr(exc, "code", 0), getattr(exc, "fault", 0)
        print("  ", type(exc).__module__, type(exc).__name__, exc.args, code, plain(fault))


def main() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/ovirt-engine/api"
        with sdk.Connection(url, "u", "p", headers={"X-Own": "1"}) as connection:
            for name, fact in SERVICES.items():
                service = getattr(services, name)(connection, "/p/1")
                for method in fact["methods"]:
                    if any(p["in"] == "body" and p["kind"] == "list" for p in method["params"]):
                        continue  # ovirtsdk4 cannot write them.
                    for _ in range(3):
                        Engine.answer = RANDOM.choice(ANSWERS)
                        given = arguments(method)
                        print(name, method["name"], sorted(given), json.dumps(Engine.answer[0]))
                        call(getattr(service, method["name"]), given)
        server.shutdown()


main()
