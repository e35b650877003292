"""Asks the simulated engine for nonsense for a while, and says how much of it there was.

    python tests/fuzz/simulator.py [--seconds 60] [--seed 0]

A third of the time each: requests of the API whose paths, parameters and bodies fit the facts more
or less; bytes that are more or less HTTP, on connections of the engine and of the daemon that
moves images; bytes that are hardly TLS, on sockets. Nothing may raise, every answer is one that an
engine could give and can be read, every connection gets an answer or an end, and afterwards the
engine serves as before. What breaks a rule is printed with its number, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote

import trio
import trio.testing
from lxml import etree

from trivirt import types
from trivirt.model import Struct, fields
from trivirt.simulator import SimulatedEngine, serve
from trivirt.simulator._refusals import NoSuchEntity
from trivirt.simulator._routes import ROOT, SERVICES
from trivirt.simulator._routing import find_place
from trivirt.simulator._search_fields import FIELDS, HOMES
from trivirt.simulator._transport import MemoryTransport, Pipe
from trivirt.wire._messages import Request, Response

API = "/ovirt-engine/api"
AT_A_TIME = 1500  # requests to one engine, before the next one
LONGEST = 5.0  # seconds for one request

WORDS = [
    *("", " ", "0", "-1", "1", "999999999999999999999", "1e400", "true", "maybe", "*", "x" * 300),
    *(
        "myvm",
        "mydisk",
        "mydata",
        "mycluster",
        "Default",
        "up",
        "a,b",
        "../..",
        "%00",
        "%",
        "\u2028",
    ),
    *("name", "id", "00000000-0000-0000-0000-000000000000", "not-a-uuid", "\u00e9\u4e16", "&<>\"'"),
    *("02:00:00:00:00:01", "10.0.0.1", "2024-01-01T00:00:00Z", "NaN", "null", "[]", "{}", "\u00b2"),
]
QUERY = [
    *(
        "max",
        "from",
        "follow",
        "search",
        "case_sensitive",
        "filter",
        "all_content",
        "async",
        "force",
    ),
    *("detail", "current", "next_run", "clone", "detach_only", "unregistered", "correlation_id"),
]
SEARCH = ["=", "!=", "<", ">=", "and", "or", "sortby", "page", "asc", "desc", '"', "'", ";", "."]
STATUSES = {200, 201, 202, 302, 400, 401, 403, 404, 405, 406, 409, 413, 414, 415}
WHOLE = (
    b"GET /ovirt-engine/api HTTP/1.1\r\nHost: x\r\n\r\n"
    b"POST /ovirt-engine/api/vms HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\n"
    b"Content-Length: 5\r\n\r\n<vm/>"
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    b"OPTIONS /images/* HTTP/1.1\r\nHost: x\r\n\r\nPUT /images/x HTTP/1.1\r\n"
    b"Content-Range: bytes 0-4/*\r\nContent-Length: 5\r\n\r\nhello"
)
PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\0",
        b" ",
        b":",
        b"\r\n\r\n",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"GET",
    ),
    *(b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n", b"\xff" * 40),
    *(b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n"),
    *(b"Connection: Upgrade\r\n", b"Connection: close\r\n", b"A: " + b"b" * 9000 + b"\r\n"),
    *(
        b"x" * 70000,
        b"/" * 8191,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"5;a\r\n",
    ),
]


class Broken(Exception):
    """A rule was broken; the text says by what."""


def damaged(random: Random, data: bytes, pieces: list[bytes]) -> bytes:
    """The same with some parts gone, doubled or replaced."""
    for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
        at, length = random.randrange(len(data) + 1), random.choice((0, 1, 3, 20))
        new = random.choice((b"", random.choice(pieces), random.randbytes(3), data[at : at + 30]))
        data = data[:at] + new + data[at + length :]
    return data


# Requests of the API.


class Asking:
    """Makes requests for one engine, which it knows from inside."""

    def __init__(self, random: Random, engine: SimulatedEngine) -> None:
        self.random = random
        self.engine = engine

    def request(self, token: str) -> Request:
        random = self.random
        path, service = self.path()
        headers = {"authorization": f"Bearer {token}", "host": "engine"}
        method, body = random.choice(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH")), b""
        known = [
            one
            for one in SERVICES[service].methods
            if one.op != "remove" or not random.randrange(9)
        ]
        if known and random.random() < 0.9:
            chosen = random.choice(known)
            method = chosen.verb
            path += f"/{chosen.action}" if chosen.action else ""
            if chosen.body:
                name = "Action" if chosen.op == "action" else chosen.struct
                text = self.element(chosen.body, getattr(types, name), 2)
                body = text.encode("utf-8", "surrogatepass")
                headers["content-type"] = "application/xml"
        if random.random() < 0.2:
            body = damaged(
                random, body, [b"<", b">", b"<vm>", b"</vm>", b"&x;", b"]]>", b"<!DOCTYPE a>"]
            )
        if random.random() < 0.05:
            headers["content-type"] = random.choice(("application/json", "text/plain", ""))
            body = random.choice(
                (body, b"[]", b'{"name":1}', b'{"disks":{"disk":[{}]}}', b"{" * 2000)
            )
        if random.random() < 0.1:
            headers[
                random.choice(("accept", "x-ovirt-expect", "version", "prefer", "filter", "expect"))
            ] = random.choice(("application/json", "201-created", "202-accepted", "true", *WORDS))
        return Request(method, API + path + self.query(), tuple(headers.items()), body)

    def path(self) -> tuple[str, str]:
        """Some path, mostly one that leads somewhere, and the service there."""
        random, path, name = self.random, "", ROOT
        for _ in range(random.choice((1, 2, 2, 3, 3, 4, 6))):
            service = SERVICES[name]
            if service.item:
                path += "/" + quote(self.identity(path), safe="")
                name = service.item
            elif service.segments:
                segment = random.choice(list(service.segments))
                path, name = f"{path}/{segment}", service.segments[segment]
        if random.random() < 0.05:
            path += f"/{quote(random.choice(WORDS))}"
        return path, name

    def identity(self, path: str) -> str:
        place, places = find_place(path), self.engine.dispatcher.world.places
        try:
            entries = [] if place is None else list(places.entries(place.template, place.path))
        except NoSuchEntity:
            entries = []
        if entries and self.random.random() < 0.95:
            return self.random.choice(entries).id
        return self.random.choice(WORDS) or "x"

    def query(self) -> str:
        random = self.random
        if random.random() < 0.6:
            return ""
        pairs = []
        for name in random.sample(QUERY, random.randint(1, 3)):
            words = [random.choice(WORDS)]
            if name == "search":
                some = [
                    *SEARCH,
                    *WORDS,
                    *random.choice(list(FIELDS.values())),
                    "host.name",
                    "vms.id",
                ]
                words = random.choices(some, k=random.randint(1, 9))
            elif name == "follow":
                links = list(
                    fields(getattr(types, random.choice(("Vm", "Host", "Disk", "Cluster"))))
                )
                words = [".".join(random.choices(links, k=random.randint(1, 3)))]
            pairs.append(f"{name}={quote(' '.join(words))}")
        return random.choice("??;") + random.choice("&&;").join(pairs)

    # Bodies.

    def element(self, tag: str, cls: type[Struct], depth: int, chance: float = 0.25) -> str:
        random, inside, attributes = self.random, "", ""
        home = HOMES.get(cls.__name__)
        if depth < 2 and home is not None and random.random() < 0.8:
            entries = list(self.engine.store.collection(home))
            if entries:
                attributes = f' id="{random.choice(entries).id}"'
        for name, each in fields(cls).items():
            if name == "href" or random.random() > (0.6 if name in ("name", *REQUIRED) else chance):
                continue
            if each.is_xml_attribute:
                attributes = attributes or f' {each.wire}="{escaped(random.choice(WORDS))}"'
            elif each.is_simple:
                words = [f"<{each.wire}>{self.text(each)}</{each.wire}>"]
                if each.is_list:
                    items = [f"<{each.item}>{self.text(each)}</{each.item}>" for _ in range(2)]
                    words = [f"<{each.wire}>", *items, f"</{each.wire}>"]
                inside += "".join(words)
            elif not each.is_struct:
                inside += self.element_of_enum(each)
            elif depth:
                item = each.cls
                if each.is_list:
                    items = [
                        self.element(item.element, item, depth - 1)
                        for _ in range(random.randint(0, 2))
                    ]
                    inside += f"<{each.wire}>{''.join(items)}</{each.wire}>"
                else:
                    inside += self.element(each.wire, item, depth - 1, 0.15)
        return f"<{tag}{attributes}>{inside}</{tag}>"

    def text(self, each: Any) -> str:
        random, kind = self.random, each.type_name
        if random.random() < 0.05:
            return escaped(random.choice(WORDS))
        if kind == "bool":
            return random.choice(("true", "false"))
        if kind == "int":
            return str(random.choice((0, 1, -1, 2, 1024, 2**31 - 1, 2**40, 2**63 - 1, -(2**63))))
        if kind == "float":
            return random.choice(("0", "1.5", "-1", "1e300"))
        if kind == "datetime":
            return random.choice(("2024-03-05T10:11:12.345+01:00", "0001-01-01T00:00:00"))
        if kind == "str":
            return escaped(random.choice((f"n{random.randrange(10**6)}", *WORDS)))
        return self.element_of_enum(each)

    def element_of_enum(self, each: Any) -> str:
        words = [member.value for member in each.cls]
        word = self.random.choice([*words, *words, "nonsense"])
        return f"<{each.wire}>{word}</{each.wire}>"


REQUIRED = (
    "cluster",
    "template",
    "data_center",
    "storage_domains",
    "provisioned_size",
    "disk",
    "address",
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def sign_on(engine: SimulatedEngine) -> str:
    form = f"grant_type=password&scope=ovirt-app-api&username={engine.username}"
    body = f"{form}&password={engine.password}".encode()
    headers = (("accept", "application/json"),)
    answer = engine.handle(Request("POST", "/ovirt-engine/sso/oauth/token", headers, body))
    return str(json.loads(answer.body)["access_token"])


def check_answer(request: Request, answer: Response) -> None:
    """It is one that an engine could give, and a client can read it."""
    followed = "follow" in request.target or "follow" in request.target.partition(";")[2]
    if answer.status not in STATUSES and not (answer.status == 500 and followed):
        raise Broken(f"status {answer.status}: {answer.body[:300]!r}")
    kind = dict(answer.headers).get("content-type", "")
    if kind.startswith("application/xml"):
        etree.fromstring(answer.body, etree.XMLParser(huge_tree=True))
    elif kind.startswith("application/json"):
        json.loads(answer.body)


def ask(seed: str, outcomes: Counter[str]) -> None:
    """One engine, until it has been asked for enough."""
    random = Random(seed)
    engine = SimulatedEngine(12) if random.random() < 0.3 else SimulatedEngine(seed="examples")
    asking, token = Asking(random, engine), sign_on(engine)
    request = Request("GET", API, (("authorization", f"Bearer {token}"),), b"")
    try:
        for _ in range(AT_A_TIME):
            request = asking.request(token)
            began = time.monotonic()
            answer = engine.handle(request)
            check_answer(request, answer)
            if time.monotonic() - began > LONGEST:
                raise Broken("too slow")
            outcomes[f"requests answered {answer.status}"] += 1
            if random.random() < 0.1:
                engine.clock.advance(random.choice((0.5, 3, 30)))
        engine.clock.advance(100)
        for segment, service in SERVICES[ROOT].segments.items():
            if not any(one.verb == "GET" for one in SERVICES[service].methods):
                continue
            request = Request(
                "GET", f"{API}/{segment}", (("authorization", f"Bearer {sign_on(engine)}"),), b""
            )
            answer = engine.handle(request)
            check_answer(request, answer)
            if answer.status != 200:
                raise Broken(f"afterwards {segment} is {answer.status}")
    except Exception as error:
        raise Broken(f"{request.method} {request.target}\n{request.body!r}") from error


# Bytes on connections.


async def talk(seed: str, engine: SimulatedEngine, outcomes: Counter[str]) -> None:
    """One connection that gets bytes in some pieces, and must come to an end."""
    random = Random(seed)
    daemon = random.random() < 0.3
    data = damaged(random, WHOLE, PIECES)[: random.choice((50, 200, 1000, 10**6))]
    incoming, outgoing = Pipe(), Pipe()
    transport = MemoryTransport(incoming, outgoing)
    received = bytearray()

    async def listen() -> None:
        while piece := await outgoing.receive():
            received.extend(piece)

    async def serve_it() -> None:
        await (engine.daemon().serve if daemon else engine.serve_connection)(transport)

    with trio.fail_after(600):  # of trio's clock, which jumps
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_it)
            nursery.start_soon(listen)
            try:
                while data:
                    size = random.choice((1, 7, 100, 10**6))
                    await incoming.send(data[:size])
                    data = data[size:]
                if random.random() < 0.5:
                    incoming.finish()
            except trio.BrokenResourceError:
                outcomes["connections closed while written to"] += 1
    if received and not received.startswith(b"HTTP/1.1 "):
        raise Broken(f"no HTTP: {bytes(received[:80])!r}")
    outcomes["connections answered" if received else "connections closed without a word"] += 1


def talk_for(seconds: float, seed: int, outcomes: Counter[str]) -> None:
    until = time.monotonic() + seconds

    async def run() -> None:
        engine, number = SimulatedEngine(2), 0
        while time.monotonic() < until:
            name = f"{seed} bytes {number}"
            try:
                await talk(name, engine, outcomes)
            except Exception as error:
                raise Broken(name) from error
            number += 1
        check_serves(engine)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def check_serves(engine: SimulatedEngine) -> None:
    headers = (("authorization", f"Bearer {sign_on(engine)}"), ("host", "x"))
    if engine.handle(Request("GET", f"{API}/vms", headers, b"")).status != 200:
        raise Broken("it does not serve any more")


# Bytes on sockets.


async def shake(seed: str, host: str, port: int, outcomes: Counter[str]) -> None:
    random = Random(seed)
    hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + random.randbytes(
        random.randint(0, 300)
    )
    data = damaged(random, random.choice((hello, WHOLE, random.randbytes(50), b"")), PIECES)
    with trio.fail_after(30):
        stream = await trio.open_tcp_stream(host, port)
        async with stream:
            try:
                await stream.send_all(data)
                await stream.send_eof()
                while await stream.receive_some(65536):
                    pass
            except (trio.BrokenResourceError, OSError):
                outcomes["sockets reset"] += 1
                return
    outcomes["sockets closed"] += 1


def shake_for(seconds: float, seed: int, outcomes: Counter[str]) -> None:
    async def run() -> None:
        engine = SimulatedEngine(2)
        async with serve(engine) as served:
            ports = (served.url.split("/")[2], engine.tickets.url.split("/")[2])
            until, number = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        number += 1
                        host, _, port = ports[number % 2].rpartition(":")
                        name = f"{seed} sockets {number}"
                        nursery.start_soon(shake, name, host, int(port), outcomes)
            check_serves(engine)
            if engine.statistics.open_connections:
                raise Broken(f"{engine.statistics.open_connections} connections are still open")

    trio.run(run)


def ask_for(seconds: float, seed: int, outcomes: Counter[str]) -> None:
    until, turn = time.monotonic() + seconds, 0
    while True:
        name = f"{seed} engine {turn}"
        try:
            ask(name, outcomes)
        except Broken as error:
            raise Broken(name) from error
        turn += 1
        if time.monotonic() > until:
            return


class Complaints(logging.Handler):
    """Whatever the engine has caught and logged as a mistake of its own is one."""

    def emit(self, record: logging.LogRecord) -> None:
        raise Broken(record.getMessage()) from (record.exc_info or (None, None))[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("trivirt.simulator").addHandler(Complaints(logging.ERROR))
    outcomes: Counter[str] = Counter()
    failed = False
    parts: list[Callable[..., None]] = [ask_for, talk_for, shake_for]
    for part in parts:
        try:
            partial(part, args.seconds / len(parts), args.seed, outcomes)()
        except Exception:
            failed = True
            traceback.print_exc(file=sys.stdout)
    for what, count in sorted(outcomes.items()):
        print(f"{count:8} {what}")
    print(f"{sum(outcomes.values())} inputs from seed {args.seed}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
