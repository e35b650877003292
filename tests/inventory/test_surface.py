from __future__ import annotations

import sqlite3

import pytest

from trivirt import services
from trivirt.errors import UsageError
from trivirt.inventory import _schema, _surface
from trivirt.types import Nic, Vm


def parts_of(name):
    above = _surface.collection(name)
    item = _surface._led_to(_surface._service_at_root(name), above.item)
    for part in sorted(_surface._locators(item)):
        try:
            yield _surface.relation(name, part)
        except UsageError:
            continue  # It leads to a single thing, not to a list.


def test_machines_and_what_is_below_them():
    vms = _surface.collection("vms")
    assert (vms.item, vms.kind, vms.element) == ("vm", Vm, "vm")
    assert vms.pages
    assert vms.follows
    nics = _surface.relation("vms", "nics")
    assert (nics.kind, nics.table, nics.inside) == (Nic, "vm_nics", True)
    assert not _surface.relation("vms", "checkpoints").inside


def test_what_an_engine_cannot_cut_has_no_pages():
    assert not _surface.collection("vnic_profiles").pages


def test_every_collection_that_can_be_listed_is_known():
    found = _surface.collections()
    assert {"vms", "hosts", "disks", "storage_domains", "events"} <= set(found)
    assert "options" not in found  # It has no list.
    for name in found:
        assert hasattr(services.SystemService, name)


@pytest.mark.parametrize(
    ("name", "near"), [("vm", "vms"), ("storagedomains", "storage_domains"), ("", "vms")]
)
def test_an_unknown_collection_names_what_is_near(name, near):
    with pytest.raises(UsageError, match=near):
        _surface.collection(name)


def test_an_unknown_part_names_what_is_near():
    with pytest.raises(UsageError, match="disk_attachments"):
        _surface.relation("vms", "diskattachments")


@pytest.mark.parametrize("name", ["diagnostics", "get", "follow"])
def test_what_is_no_collection_is_refused(name):
    with pytest.raises(UsageError):
        _surface.collection(name)


def test_every_table_can_be_made_and_none_has_the_name_of_another():
    """Two columns of one name, or two tables, would show only when somebody asks for them."""
    names = []
    with sqlite3.connect(":memory:") as file:
        for name in _surface.collections():
            for part in ("", *(below.name for below in parts_of(name))):
                table = _schema.table_of(name, part)
                names.append(table.name)
                for statement in table.create():
                    file.execute(statement)
    file.close()
    assert len(names) == len(set(names)) > 100
    assert not {"done", "engine", "run", "unit"} & set(names)
