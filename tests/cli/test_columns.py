from __future__ import annotations

import click
import pytest

from trivirt.cli._columns import check_columns, flatten, usual_columns, value_at
from trivirt.types import Event, ImageTransfer, Vm

VM = {
    "href": "/vms/1",
    "id": "1",
    "name": "web",
    "cpu": {"topology": {"cores": 2, "sockets": 1}},
    "host": {"id": "h", "href": "/hosts/h"},
    "nics": {"href": "/vms/1/nics"},
    "tags": [{"name": "a"}, {"name": "b"}],
}


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
        ("host", VM["host"]),
        ("tags.name", ["a", "b"]),
        ("nics.name", None),
        ("name.first", None),
        ("fqdn", None),
    ],
)
def test_the_value_of_a_column(column, value):
    assert value_at(VM, column) == value


def test_unasked_there_are_the_columns_where_something_is():
    assert usual_columns(Vm, [VM, {"id": "2", "status": "up"}]) == ["name", "status", "id"]
    assert usual_columns(Event, [{"id": "1", "severity": "normal"}]) == ["severity", "id"]


def test_where_nothing_came_there_are_columns_still():
    assert usual_columns(Vm, []) == ["name", "status", "id"]
    assert usual_columns(ImageTransfer, [{"href": "/x"}]) == ["href"]


def test_an_object_laid_flat():
    assert dict(flatten(VM)) == {
        "href": "/vms/1",
        "id": "1",
        "name": "web",
        "cpu.topology.cores": 2,
        "cpu.topology.sockets": 1,
        "host.id": "h",
        "host.href": "/hosts/h",
        "tags": [{"name": "a"}, {"name": "b"}],
    }
