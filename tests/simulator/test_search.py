from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from trivirt.simulator import SimulatedEngine, _search_values


@pytest.fixture
def found(ask):
    """Names, or ids without one, of what a search finds; the status when it is refused."""

    def search(path, text, **more):
        query = "".join(f"&{name}={value}" for name, value in more.items())
        answer = ask.get(f"{path}?search={quote(text)}{query}")
        if answer.status != 200:
            return answer.status
        names = re.findall(r"^        <name>(.*)</name>", answer.body.decode(), re.MULTILINE)
        return names or re.findall(r'^    <\w+ .*id="(.*)">', answer.body.decode(), re.MULTILINE)

    return search


WEB = ["web-0000", "web-0005", "web-0010", "web-0015"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name=web-0005", ["web-0005"]),
        ("name=WEB-0005", ["web-0005"]),
        ("Name = web*", WEB),
        ("name=*-00?5", []),
        ("name=web*5", ["web-0005", "web-0015"]),
        ("name=web* and status=down", ["web-0005", "web-0015"]),
        ("status=up and name=web* or name=db-0002", ["web-0000", "db-0002", "web-0010"]),
        ("name=db-0002 or name=web* and status=up", ["web-0000", "db-0002", "web-0010"]),
        ('name="web-0000"', ["web-0000"]),
        ("name=web* and status!=up", ["web-0005", "web-0015"]),
        ("web-001*", ["web-0010", "web-0015"]),
        ("web-0000", ["web-0000"]),
        ("name=web* sortby name desc", WEB[::-1]),
        ("name=web* sortby name asc page 1", WEB),
        ("sortby memory desc page 1", None),
        ("tag=production and name=web*", ["web-0000"]),
        ("template=Blank and name=web*", ["web-0000"]),
        ("template.name=Blank and name=web*", ["web-0000"]),
        ("cluster=Default and name=web*", WEB),
        ("datacenter=Default and name=web*", WEB),
        ("host=host-000 and status=up and name=web*", ["web-0000", "web-0010"]),
        ("host.status=up and name=web*", ["web-0000", "web-0010"]),
        ("Vms.name=web-0000", ["web-0000"]),
        ("memory>=17179869184 and name=web*", ["web-0015"]),
        ("memory<2147483648", []),
        ("ip=10.0.0.10", ["web-0010"]),
        ("name=nothing", []),
    ],
)
def test_point_15_the_search_language(found, text, names):
    result = found("/vms", text)
    assert isinstance(result, list)
    if names is not None:
        assert result == names


def test_point_15_case_counts_when_asked(found):
    assert found("/vms", "name=WEB-0000", case_sensitive="true") == []
    assert found("/vms", "name=web-0000", case_sensitive="true") == ["web-0000"]


@pytest.mark.parametrize(
    "text",
    [
        "name='web'",
        "name=web; drop",
        "nonsense=1",
        "name=",
        "= web",
        "name=web page x",
        "name=web page 0",
        "name=web nonsense words",
        "nonsense.name=x",
        "nics=1",
        "memory>much",
        "memory=much",
        "name>web",
        "status<up",
        "creation_time>=2024-01-01",
        "creation_time>soon",
        "sortby nonsense asc",
        "pool.name=x",
        "network.nonsense=1",
    ],
)
def test_point_16_what_cannot_be_understood_is_400(ask, found, text):
    assert found("/vms", text) == 400
    answer = ask.get(f"/vms?search={quote(text)}")
    assert b"<reason>Operation Failed</reason>" in answer.body
    assert b"<detail>" in answer.body


def test_point_17_pages(found):
    everything = found("/vms", "sortby name asc")
    assert found("/vms", "sortby name asc page 2", max=5) == everything[5:10]
    assert found("/vms", "page 2", max=15) == found("/vms", "page 1")[15:]
    assert found("/vms", "page 3", max=10) == []
    assert found("/vms", "page 2") == []
    assert len(found("/vms", "page 1")) == 20


@pytest.mark.parametrize(
    ("path", "text", "count"),
    [
        ("/hosts", "vms.status=up", 2),
        ("/hosts", "vms.name=web-0000", 1),
        ("/hosts", "cluster=Default and status=up", 2),
        ("/clusters", "datacenter=Default", 1),
        ("/datacenters", "Clusters.name=Default", 1),
        ("/datacenters", "storage.name=data-0", 1),
        ("/templates", "vm.name=web-0000", 1),
        ("/disks", "alias=web*", 5),
        ("/disks", "disk_type=image and status=ok", 29),
        ("/storagedomains", "datacenter=Default", 2),
        ("/networks", "name=ovirtmgmt and datacenter=Default", 1),
        ("/users", "usrname=alice@internal-authz", 1),
        ("/events", "type=153 and event_vm=web-0000", 1),
        ("/events", "severity=normal and message=*engine*", 1),
        ("/events", "severity>normal", 0),
        ("/events", "time>2024-03-01", 18),
        ("/events", "host.name=host-000", 6),
        ("/events", "severity!=normal", 0),
        ("/events", "severity<=WARNING", 18),
        ("/events", "time=Today", 1),
        ("/events", "time<Today", 17),
        ("/events", "time<03/04/2024", 10),
        ("/events", "time>Yesterday", 1),
        ("/events", "time=Monday", 7),
        ("/events", 'time>"03/04/2024 10:00"', 4),
        ("/events", "time<2024-03-03T00:00:00+01:00", 5),
        ("/vms", "users.name=alice", 5),
        ("/vms", "user.usrname=alice*", 5),
        ("/vms", "disk.name=web-0000*", 1),
        ("/vms", "storage.name=data-*", 20),
        ("/vms", "networks.name=*", 20),
        ("/vms", "uptime>3600", 14),
        ("/vms", "uptime>999999999", 0),
        ("/vms", "cpu_usage>=0", 20),
        ("/vms", "cpu_usage>1000", 0),
        ("/vms", "next_run_config_exists=false", 20),
        ("/vms", "tag=*", 7),
        ("/vms", "tag!=*", 13),
        ("/disks", "vm_names=web-0000", 1),
        ("/storagedomains", "total_size>1000000", 2),
        ("/storagedomains", "total_size<1000000", 0),
    ],
)
def test_other_collections(found, path, text, count):
    assert len(found(path, text)) == count


def test_a_search_sees_what_has_changed(ask, found):
    vm = ask.first("/vms?search=name%3Dweb-0000")
    assert found("/vms", "name=renamed") == []
    ask("PUT", vm, "<vm><name>renamed</name></vm>")
    assert found("/vms", "name=renamed") == ["renamed"]
    assert found("/vms", "name=web-0000") == []


def test_hosts_are_found_by_their_tags(ask, found):
    ask("POST", "/tags", "<tag><name>rack</name></tag>")
    host = ask.first("/hosts")
    assert found("/hosts", "tag=rack") == []
    ask("POST", f"{host}/tags", "<tag><name>rack</name></tag>")
    assert len(found("/hosts", "tag=rack")) == 1


def test_a_name_that_is_a_severity_sorts_like_any_name(ask, found):
    for name in ("error", "zebra"):
        ask("PUT", ask.first("/vms"), f"<vm><name>{name}</name></vm>")
    assert found("/vms", "sortby name desc page 1", max=1) == ["zebra"]


def test_point_52_events_are_newest_first_and_from_is_exclusive(ask, listed):
    def numbers(query):
        return [int(path.rpartition("/")[2]) for path in listed(ask.get(f"/events{query}"))]

    everything = numbers("")
    assert everything == sorted(everything, reverse=True)
    newest = everything[0]
    assert numbers(f"?from={newest}") == []
    assert numbers(f"?from={newest - 2}") == [newest, newest - 1]
    assert numbers("?from=2&max=3") == everything[:3]
    assert numbers("?max=2") == everything[:2]
    assert numbers("?search=sortby+time+asc+page+1&from=2&max=3") == [3, 4, 5]


@pytest.mark.parametrize("vms", [7, 60])
@pytest.mark.parametrize(
    ("text", "collection"),
    [
        ("tag={}", "tags"),
        ("ip={}", "reporteddevices"),
        ("users.name={}", "permissions"),
        ("networks.name={}", "nics"),
        ("disks.name={}", "diskattachments"),
        ("cpu_usage={}", "statistics"),
    ],
)
@pytest.mark.parametrize("value", ["production", "10.0.0.6", "alice", "net-001", "db*", "0", "3*"])
def test_what_was_not_looked_at_is_found_as_what_was(asker, text, collection, value, vms):
    """A seed tells what collections would have, so that a search need not make them all."""
    target = f"/vms?search={quote(text.format(value))}"
    fresh = asker(SimulatedEngine(vms=vms))
    before = fresh.get(target)
    paths = [f"/vms/{entry.id}/{collection}" for entry in fresh.engine.store.collection("/vms")]
    assert not any(fresh.engine.store.is_made(path) for path in paths)
    other = asker(SimulatedEngine(vms=vms))
    for path in paths:
        assert other.get(path).status == 200
    after = other.get(target)
    assert (before.status, before.body) == (after.status, after.body)


def test_uptime_is_not_remembered(ask, engine, found):
    up = len(found("/vms", "status=up"))
    longest = 200 * 86400 + 1800
    assert found("/vms", f"uptime>{longest}") == []
    engine.clock.advance(3 * longest)
    ask.token = ask.sign_on()
    assert len(found("/vms", f"uptime>{longest}")) == up


def test_a_page_needs_no_more_than_its_rows(engine, ask, monkeypatch):
    """A long list is searched only as far as the page goes."""
    looked_at = []
    real = _search_values.pattern

    def pattern(text, exact):
        accepts = real(text, exact)
        return lambda value: looked_at.append(value) or accepts(value)

    monkeypatch.setattr(_search_values, "pattern", pattern)
    assert ask.get("/vms?search=name%3D*&max=3").body.count(b"<vm ") == 3
    assert len(set(looked_at)) == 3
