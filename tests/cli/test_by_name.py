"""Names in the place of ids, as somebody types them."""

from __future__ import annotations

import json

import pytest

import trivirt.sync
from trivirt.cli import main
from trivirt.types import Cluster, Disk, StorageDomain, Tag, Template, Vm

UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def engine(simulation):
    """One that has objects with names that are not easy."""
    with simulation("--vms", 3) as facts:
        access = {name: facts[name] for name in ("url", "username", "password", "ca_file")}
        with trivirt.sync.open_engine(**access) as engine:
            ids = {vm.name: vm.id for vm in engine.vms.list()}
            blank = {"cluster": Cluster(name="Default"), "template": Template(name="Blank")}
            for name in (ids["web-0000"], UUID):
                engine.vms.add(Vm(name=name, **blank))
            for name in ("a b", 'it\'s; "quoted"', "ITS; quoted"):
                engine.tags.add(Tag(name=name))
            domain = engine.storage_domains.list(search="name=data-0")[0].name
            for name in ("twin", "twin", "it's (1)", "Its (1)"):
                disk = Disk(
                    name=name,
                    format=trivirt.types.DiskFormat.COW,
                    provisioned_size=2**30,
                    storage_domains=[StorageDomain(name=domain)],
                )
                engine.disks.add(disk)
        yield facts, ids


@pytest.fixture
def ask(engine, monkeypatch, capsys):
    facts, _ = engine
    names = {"URL": "url", "USERNAME": "username", "PASSWORD": "password", "CAFILE": "ca_file"}
    for variable, name in names.items():
        monkeypatch.setenv(f"OVIRT_{variable}", facts[name])

    def ask(*words, code=0):
        assert main([*words]) == code
        printed = capsys.readouterr()
        return json.loads(printed.out) if code == 0 else printed.err

    return ask


@pytest.mark.parametrize(
    "path",
    ["vms/web-0000", "clusters/Default", "roles/UserRole", "tags/a b", 'tags/it\'s; "quoted"'],
)
def test_an_object_is_found_by_its_name(ask, path):
    found = ask("get", path, "-o", "json")
    assert found["name"] == path.partition("/")[2]


def test_names_on_the_way_and_at_its_end(ask, engine):
    _, ids = engine
    (nic,) = ask("ls", "vms/web-0000/nics", "-o", "json")
    for vm in ("web-0000", ids["web-0000"]):
        found = ask("get", f"vms/{vm}/nics/{nic['name']}", "-o", "json")
        assert found["id"] == nic["id"]
        assert found["vm"]["id"] == ids["web-0000"]


def test_an_id_is_an_id_also_where_it_is_the_name_of_another(ask, engine):
    _, ids = engine
    assert ask("get", f"vms/{ids['web-0000']}", "-o", "json")["name"] == "web-0000"
    (nic,) = ask("ls", "vms/web-0000/nics", "-o", "json")
    path = f"vms/{ids['web-0000']}/nics/{nic['name']}"
    assert ask("get", path, "-o", "json")["vm"]["id"] == ids["web-0000"]


def test_a_name_may_look_like_an_id(ask):
    assert ask("get", f"vms/{UUID}", "-o", "json")["name"] == UUID


def test_what_a_search_takes_for_a_pattern_is_compared_exactly(ask):
    """An engine refuses ' in a search, and its patterns know no letter case."""
    assert ask("get", "disks/it's (1)", "-o", "json")["name"] == "it's (1)"
    for path in ("vms/WEB-0000", "vms/web-*", "vms/web-000?", "vms/*", "tags/A B"):
        text = ask("get", path, code=1)
        assert "there is no such object; trivirt ls shows the ids and the names" in text


def test_a_name_of_several_objects_is_refused_with_their_ids(ask):
    twins = [disk["id"] for disk in ask("ls", "disks", "-o", "json") if disk["name"] == "twin"]
    text = ask("get", "disks/twin", code=1)
    assert "2 objects in /disks have the name 'twin'; give the id of one: " in text
    assert len(twins) == 2
    assert all(id in text for id in twins)


@pytest.mark.parametrize("path", ["events/none", "vms/none/nics", "vms/none/nics/nic1"])
def test_what_is_neither_an_id_nor_a_name_is_not_there(ask, path):
    assert "answered 404: there is no such object" in ask("get", path, code=1)
