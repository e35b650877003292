"""What an engine says wrongly of one object is told; all the others are kept."""

from __future__ import annotations

import json
import re

import pytest

from trivirt.inventory import VMS, collect
from trivirt.wire import Response

PLUGGED, SOCKETS = rb"<plugged>\w+</plugged>", rb"<sockets>\d+</sockets>"


@pytest.fixture
def spoil(simulated):
    """Replace the first of something in the answers about one machine."""
    real = simulated.handle

    def spoil(id, pattern, text):
        def handle(request):
            response = real(request)
            body = b"".join(response.parts)
            place = body.find(f' id="{id}"'.encode())
            if f"/vms/{id}/" in request.target:
                place = 0
            if request.method != "GET" or "/vms" not in request.target or place < 0:
                return response
            body = body[:place] + re.sub(pattern, text, body[place:], count=1)
            headers = [h for h in response.headers if h[0].lower() != "content-length"]
            return Response(response.status, tuple(headers), body)

        simulated.handle = handle

    return spoil


@pytest.mark.parametrize("way", ["follow", "children"])
@pytest.mark.parametrize(
    ("pattern", "text", "says", "vms", "nics"),
    [
        (SOCKETS, b"<sockets>many</sockets>", "CpuTopology.sockets cannot be 'many'", 29, 0),
        (PLUGGED, b"<plugged>perhaps</plugged>", "Nic.plugged cannot be 'perhaps'", 30, -1),
    ],
)
async def test_one_value_that_cannot_be_read_costs_what_it_is_of(
    simulated, connect, store, another, spoil, way, pattern, text, says, vms, nics
):
    id = re.findall(r'<vm href="[^"]*" id="([^"]*)"', another("GET", "/vms"))[7]
    whole = another("GET", "/vms?follow=nics").count("<nic ")
    spoil(id, pattern, text)
    async with connect(simulated, compress=False) as engine:
        for how in ("full", "resume"):
            outcome = await collect(engine, VMS, store, ways={"vms.*": way}, how=how)
            assert outcome.ended
            assert outcome.verdict.startswith("partial: vms")
            assert says in outcome.verdict
            assert id in outcome.verdict
            assert len(store.store.table("vms")[0]) == vms
            assert len(store.store.table("vm_nics")[0]) >= whole + 2 * nics
    assert whole > 30


async def test_a_number_that_no_column_holds_is_kept_as_it_came(
    simulated, connect, store, another, spoil
):
    id = re.findall(r'<vm href="[^"]*" id="([^"]*)"', another("GET", "/vms"))[7]
    spoil(id, rb"<memory>\d+</memory>", b"<memory>" + b"9" * 20 + b"</memory>")
    async with connect(simulated, compress=False) as engine:
        outcome = await collect(engine, VMS, store)
    assert outcome.verdict == "complete"
    query = "SELECT memory, attributes FROM vms WHERE id = ?"
    ((memory, attributes),) = store.store.select(query, id)
    assert memory is None
    assert json.loads(attributes)["memory"] == int("9" * 20)
    query = "SELECT count(*) FROM vms WHERE memory IS NOT NULL"
    assert list(store.store.select(query)) == [(29,)]
