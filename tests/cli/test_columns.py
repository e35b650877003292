from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest

from trivirt.cli._columns import check_columns, flatten, usual_columns, value_at
from trivirt.model import Items
from trivirt.types import (
    Cpu,
    CpuTopology,
    Event,
    Host,
    ImageTransfer,
    LogSeverity,
    Tag,
    Vm,
    VmStatus,
)

VM = Vm(
    href="/vms/1",
    id="1",
    name="web",
    status=VmStatus.UP,
    creation_time=datetime(2024, 3, 4, 22, 11, 12, tzinfo=timezone.utc),
    cpu=Cpu(topology=CpuTopology(cores=2, sockets=1)),
    host=Host(id="h", href="/hosts/h"),
    nics=Items(href="/vms/1/nics"),
    tags=Items([Tag(name="a"), Tag(name="b")]),
)


def test_columns_are_attributes_and_what_is_below_them():
    columns = ["name", " cpu.topology.cores", "host.id", "nics.mac.address"]
    assert check_columns(Vm, columns) == [column.strip() for column in columns]


def test_a_column_may_be_spelt_as_the_engine_spells_it():
    """Where Python has a keyword, the attribute has an underscore."""
    assert check_columns(Vm, ["cpu.topology"]) == ["cpu.topology"]
    from trivirt.types import IpAddressAssignment, Range

    assert check_columns(Range, ["from"]) == ["from_"]
    assert check_columns(IpAddressAssignment, ["ip.address"]) == ["ip.address"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("nmae", "a Vm has no 'nmae'; did you mean name"),
        ("cpu.topologie", "a Cpu has no 'topologie'; did you mean topology?"),
        ("cpu.topology.xyzzy", "a CpuTopology has no 'xyzzy'; it has href, cores, "),
        ("name.first", "there is nothing below name."),
        ("status.value", "there is nothing below status."),
        ("", "a Vm has no ''"),
    ],
)
def test_a_column_that_cannot_be(column, words):
    with pytest.raises(click.BadParameter) as caught:
        check_columns(Vm, [column])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "web"),
        ("cpu.topology.cores", 2),
        ("host", {"id": "h", "href": "/hosts/h"}),
        ("status", "up"),
        ("creation_time", "2024-03-04T22:11:12+00:00"),
        ("tags", [{"name": "a"}, {"name": "b"}]),
        ("tags.name", ["a", "b"]),
        ("nics.name", None),
        ("name.first", None),
        ("fqdn", None),
    ],
)
def test_the_value_of_a_column(column, value):
    assert value_at(VM, column) == value


def test_unasked_there_are_the_columns_where_something_is():
    assert usual_columns(Vm, [VM, Vm(id="2", fqdn="f")]) == ["name", "status", "fqdn", "id"]
    assert usual_columns(Event, [Event(id="1", severity=LogSeverity.NORMAL)]) == ["severity", "id"]


def test_where_nothing_came_there_are_columns_still():
    assert usual_columns(Vm, []) == ["name", "status", "id"]
    assert usual_columns(ImageTransfer, [ImageTransfer(href="/x")]) == ["href"]


def test_an_object_laid_flat():
    assert dict(flatten(VM.to_dict())) == {
        "href": "/vms/1",
        "id": "1",
        "name": "web",
        "status": "up",
        "creation_time": "2024-03-04T22:11:12+00:00",
        "cpu.topology.cores": 2,
        "cpu.topology.sockets": 1,
        "host.id": "h",
        "host.href": "/hosts/h",
        "tags": [{"name": "a"}, {"name": "b"}],
    }
