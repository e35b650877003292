"""Documents compared with what real engines sent, piece by piece."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from trivirt import codec, types
from trivirt.model import Items
from trivirt.simulator._render import Shape, collection, document, entity

RECORDING = Path(__file__).parent.parent / "recordings" / "dev.jsonl.gz"

PROFILE = """\
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<vnic_profile href="/ovirt-engine/api/vnicprofiles/p1" id="p1">
    <actions>
        <link href="/ovirt-engine/api/vnicprofiles/p1/wash" rel="wash"/>
    </actions>
    <name>a &lt;b&gt; &amp; "c"</name>
    <description></description>
    <link href="/ovirt-engine/api/vnicprofiles/p1/permissions" rel="permissions"/>
    <pass_through>
        <mode>disabled</mode>
    </pass_through>
    <port_mirroring>false</port_mirroring>
    <network href="/ovirt-engine/api/networks/n1" id="n1"/>
</vnic_profile>
"""


def test_point_26_a_document_to_the_letter():
    profile = types.VnicProfile(
        href="/ovirt-engine/api/vnicprofiles/p1",
        id="p1",
        name='a <b> & "c"',
        description="",
        port_mirroring=False,
        pass_through=types.VnicPassThrough(mode=types.VnicPassThroughMode.DISABLED),
        network=types.Network(id="n1", href="/ovirt-engine/api/networks/n1"),
    )
    shape = Shape(links=("permissions",), actions=("wash",), has_actions=True)
    assert document(entity(profile, shape)).decode() == PROFILE


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (types.Vm(memory=2**40), "<memory>1099511627776</memory>"),
        (types.Vm(stateless=True), "<stateless>true</stateless>"),
        (types.Vm(status=types.VmStatus.POWERING_UP), "<status>powering_up</status>"),
        (types.Value(datum=5.0), "<datum>5</datum>"),
        (types.Value(datum=0.08), "<datum>0.08</datum>"),
        (types.Host(numa_nodes=Items()), "<host_numa_nodes/>"),
        (types.Event(description="a\rb"), "<description>a&#13;b</description>"),
        (
            types.Vm(
                creation_time=datetime(2024, 3, 5, 1, 2, 3, 4000, timezone(timedelta(hours=1)))
            ),
            "<creation_time>2024-03-05T01:02:03.004+01:00</creation_time>",
        ),
        (
            types.Vm(nics=Items(href="/ovirt-engine/api/vms/v/nics")),
            '<link href="/ovirt-engine/api/vms/v/nics" rel="nics"/>',
        ),
    ],
)
def test_values(value, line):
    assert f"    {line}\n" in entity(value)


def test_lists():
    boot = types.Boot(devices=Items([types.BootDevice.HD, types.BootDevice.CDROM]))
    assert entity(boot) == (
        "<boot>\n    <devices>\n        <device>hd</device>\n"
        "        <device>cdrom</device>\n    </devices>\n</boot>\n"
    )
    assert collection("vms", []) == "<vms/>\n"
    assert collection("vms", ["    <vm/>\n"]) == "<vms>\n    <vm/>\n</vms>\n"
    assert entity(types.Vm()) == "<vm/>\n"
    assert entity(types.Vm(), Shape(has_actions=True)) == "<vm>\n    <actions/>\n</vm>\n"


def recorded(path_end):
    with gzip.open(RECORDING, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["path_and_query"].endswith(path_end) and record["status"] == 200:
                yield record["body"]


def leaves(text):
    """The lines of a document that hold a value, in any order: engines promise none.

    Real engines keep the zeros at the end of a decimal; a float has none.
    """
    lines = (line.strip() for line in text.split("\n"))
    lines = (re.sub(r"(\.\d*?)0+<", r"\1<", line) for line in lines)
    return sorted(line for line in lines if line.endswith(">") and not line.startswith("<link"))


@pytest.mark.parametrize(
    "path", ["/vnicprofiles", "/networks", "/diskattachments", "/statistics", "/reporteddevices"]
)
def test_what_real_engines_sent_comes_out_as_it_went_in(path):
    """Read by the codec and written by us: the same lines, but for actions and links."""
    for body in recorded(path):
        values = codec.decode(body.encode())
        items = [entity(value, indent="    ") for value in values]
        ours = document(collection(type(values[0]).plural, items)) if items else b""
        if items:
            assert leaves(ours.decode()) == leaves(body)


def test_our_documents_are_read_by_the_codec_as_they_are(ask):
    """Every object of the seed survives rendering, reading and rendering again."""
    for path in ("/vms", "/hosts", "/clusters", "/disks", "/storagedomains", "/events", "/users"):
        values = codec.decode(ask.get(path).body)
        stored = ask.engine.store.collection(path)
        assert len(values) == len(stored)
        by_id = {value.id: value for value in values}
        for entry in stored:
            ours = entry.value.to_dict()
            theirs = by_id[entry.id].to_dict()
            assert {name: theirs[name] for name in ours} == ours


def test_a_vm_has_about_nine_kilobytes(ask):
    assert 8_500 < len(ask.get("/vms").body) / 20 < 11_000
