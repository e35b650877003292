"""What the plugin of ovirt.ovirt was seen to give is what we give; see tests/integration, too."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from trivirt.cli._ansible_hosts import Host, Names, host_name, inventory_of, variables_of
from trivirt.model import Items
from trivirt.types import (
    Cluster,
    Ip,
    OperatingSystem,
    ReportedDevice,
    Statistic,
    StatisticUnit,
    Template,
    Value,
    Vm,
    VmStatus,
)
from trivirt.types import Host as EngineHost

CREATED = datetime(2023, 8, 18, 10, 11, 12, 345000, timezone(timedelta(hours=1)))
NAMES = Names(
    clusters={"c": "Default"},
    hosts={"h": "host-000"},
    templates={"t": "Blank"},
    affinity_groups={"1": ["together"]},
    affinity_labels={"1": ["gpu"]},
)


def machine(**changes):
    values = {
        "id": "1",
        "name": "web",
        "fqdn": "web.example",
        "status": VmStatus.UP,
        "description": "{{ 1 + 1 }}",
        "cluster": Cluster(id="c"),
        "host": EngineHost(id="h"),
        "template": Template(id="t"),
        "os": OperatingSystem(type="rhel_9x64"),
        "creation_time": CREATED,
    }
    return Vm(**{**values, **changes})


def plain(value):
    """Without the marks that say that a text is no template."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def test_the_variables_of_a_host():
    host = Host(
        machine(),
        ["dev", "a b"],
        [
            Statistic(name="cpu.current.guest", values=Items([Value(datum=13.0)])),
            Statistic(name="nothing", unit=StatisticUnit.NONE),
        ],
        [
            ReportedDevice(name="eth0", ips=Items([Ip(address="192.0.2.1"), Ip(address="fe80::")])),
            ReportedDevice(name="lo"),
        ],
    )
    assert plain(variables_of(host, NAMES)) == {
        "affinity_groups": ["together"],
        "affinity_labels": ["gpu"],
        "cluster": "Default",
        "creation_time": "2023-08-18 10:11:12.345000+01:00",
        "creation_time_timestamp": 1692349872.345,
        "description": "{{ 1 + 1 }}",
        "devices": {"eth0": ["192.0.2.1", "fe80::"], "lo": []},
        "fqdn": "web.example",
        "host": "host-000",
        "id": "1",
        "name": "web",
        "os": "rhel_9x64",
        "statistics": {"cpu.current.guest": 13.0, "nothing": None},
        "status": "up",
        "tags": ["dev", "a b"],
        "template": "Blank",
    }


def test_a_machine_that_has_nothing():
    variables = plain(variables_of(Host(Vm(id="2", name="db")), NAMES))
    given = {name: value for name, value in variables.items() if value not in (None, [], {})}
    assert given == {"id": "2", "name": "db"}
    assert len(variables) == 16


def test_what_refers_to_something_that_cannot_be_seen_has_no_name():
    vm = machine(host=EngineHost(id="other"))
    assert variables_of(Host(vm), NAMES)["host"] is None


def test_every_text_is_marked_as_no_template():
    """Ansible takes texts of scripts for templates, and templates run programs."""
    host = Host(
        machine(), ["{{ evil }}"], (), [ReportedDevice(name="x", ips=Items([Ip(address="i")]))]
    )

    def texts(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)) and "__ansible_unsafe" not in value:
            for one in value.values() if isinstance(value, dict) else value:
                yield from texts(one)

    assert list(texts(variables_of(host, NAMES))) == []


@pytest.mark.parametrize(
    ("fqdn", "name", "called"),
    [("f", "n", "f"), (None, "n", "n"), ("", "n", "n"), (None, None, None)],
)
def test_what_a_machine_is_called(fqdn, name, called):
    assert host_name(Vm(fqdn=fqdn, name=name)) == called


def test_groups_have_names_that_ansible_takes():
    vm = machine(status=VmStatus("image_locked"))
    found = inventory_of([Host(vm, ["web-tier", "web tier", "zürich", ""])], NAMES)
    assert found["all"]["children"] == [
        "ungrouped",
        "cluster_Default",
        "status_image_locked",
        "tag_web_tier",
        "tag_zürich",
        "affinity_group_together",
        "affinity_label_gpu",
    ]
    for group in found["all"]["children"]:
        assert found[group] == {"hosts": ["web.example"]}


def test_machines_are_in_the_order_of_the_engine_and_nameless_ones_are_left_out():
    vms = [machine(), Vm(id="2"), machine(id="3", fqdn=None, name="a")]
    found = inventory_of(map(Host, vms), NAMES)
    assert list(found["_meta"]["hostvars"]) == ["web.example", "a"]
    assert found["status_up"]["hosts"] == ["web.example", "a"]


def test_of_two_machines_with_one_name_the_later_counts():
    vms = [machine(), machine(id="2", status=VmStatus.DOWN)]
    found = inventory_of(map(Host, vms), NAMES)
    assert plain(found["_meta"]["hostvars"])["web.example"]["id"] == "2"
    assert found["status_up"] == found["status_down"] == {"hosts": ["web.example"]}


def test_an_engine_without_machines():
    assert inventory_of([], NAMES) == {
        "_meta": {"hostvars": {}},
        "all": {"children": ["ungrouped"]},
        "ungrouped": {"hosts": []},
    }
