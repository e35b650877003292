"""Every method of every service, asked with as little as possible: never a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from trivirt import types
from trivirt.model import fields
from trivirt.simulator import SimulatedEngine
from trivirt.simulator._routes import ROOT, SERVICES

FIRST = re.compile(r'^    <\w+ href="/ovirt-engine/api([^"]+)" id=', re.MULTILINE)
NOBODY = "00000000-0000-0000-0000-0000000000ff"


def places(ask, path: str = "", name: str = ROOT, seen: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Every place with a path that leads to something, where there is something."""
    yield path, name
    service = SERVICES[name]
    for segment, below in service.segments.items():
        if below not in seen:
            yield from places(ask, f"{path}/{segment}", below, (*seen, below))
    if service.item and service.item not in seen:
        found = FIRST.findall(ask.get(path).body.decode())
        first = found[0] if found else f"{path}/{NOBODY}"
        yield from places(ask, first, service.item, (*seen, service.item))


@pytest.fixture(params=["examples", "numbers"])
def engine(request):
    return SimulatedEngine(seed="examples") if request.param == "examples" else SimulatedEngine(4)


def bodies(method) -> list[str]:
    if not method.body:
        return [""]
    more = "<name>swept</name>" if method.op == "add" else "<description>swept</description>"
    if method.op == "action":
        more = "<async>true</async>"
    reference = f"<cluster id='{NOBODY}'/>"
    return [f"<{method.body}>{each}</{method.body}>" for each in ("", more, reference)]


def test_every_method_answers(ask, caplog):
    counted = 0
    for path, name in list(places(ask)):
        order = {"list": 0, "get": 0, "action": 1, "update": 2, "add": 3, "remove": 4}
        for method in sorted(SERVICES[name].methods, key=lambda each: order[each.op]):
            for body in bodies(method):
                target = f"{path}/{method.action}" if method.action else path
                answer = ask(method.verb, target, body)
                counted += 1
                assert answer.status < 500, (method.verb, target, body, answer.body)
                if answer.status in (200, 201) and method.op in ("get", "list", "add", "update"):
                    assert answer.body.startswith(b"<?xml"), (method.verb, target)
        ask.engine.clock.advance(1)
    assert counted > 1500
    assert ask.get("/vms").status == 200


def test_every_document_has_a_form_in_json(ask):
    for path, name in list(places(ask)):
        if {method.op for method in SERVICES[name].methods} & {"list", "get"}:
            answer = ask.get(path, accept="application/json")
            assert answer.status in (200, 404), path
            if answer.status == 200:
                assert isinstance(json.loads(answer.body), dict)


def test_every_list_can_be_followed_into_what_is_below_its_members(ask):
    followed = 0
    for path, name in list(places(ask)):
        lists = [method for method in SERVICES[name].methods if method.op == "list"]
        if not lists or not SERVICES[name].item or ask.get(path).status == 404:
            continue
        below = SERVICES[SERVICES[name].item].segments
        for each in fields(getattr(types, lists[0].struct)).values():
            if each.link and each.name.replace("_", "") in below:
                assert ask.get(f"{path}?follow={each.name}").status == 200, (path, each.name)
                followed += 1
    assert followed > 50
