from __future__ import annotations

import re

import pytest

GIB = 1024**3


@pytest.fixture
def center(named):
    return named("/datacenters", "mydc")


@pytest.fixture
def mode(ask, center):
    def switch(to):
        assert (
            ask("PUT", center, f"<data_center><quota_mode>{to}</quota_mode></data_center>").status
            == 200
        )

    return switch


@pytest.fixture
def quota(added, center):
    return added(f"{center}/quotas", "<quota><name>myquota</name></quota>")


@pytest.fixture
def limit(added, quota):
    def add(gib, inside=""):
        body = f"<quota_storage_limit><limit>{gib}</limit>{inside}</quota_storage_limit>"
        return added(f"{quota}/quotastoragelimits", body)

    return add


@pytest.fixture
def disk(quota, domain):
    """The body of a disk of so many GiB."""

    def body(gib, name="mydata", of=quota):
        inside = f'<quota id="{of.rpartition("/")[2]}"/>' if of else ""
        return (
            f"<disk><provisioned_size>{gib * GIB}</provisioned_size><format>cow</format>{inside}"
            f"<storage_domains>{domain(name)}</storage_domains></disk>"
        )

    return body


def warnings(ask):
    body = ask.get("/events?search=severity%3Dwarning").body.decode()
    return re.findall("<description>(.*)</description>", body)


def test_a_data_center_has_a_quota_that_nobody_limits(
    ask, center, names, mode, added, disk, refused
):
    assert names(f"{center}/quotas") == ["Default", "myquota"]
    mode("enabled")
    added("/disks", disk(8000, of=""))
    assert refused("DELETE", ask.first(f"{center}/quotas"))[0] == 409


def test_enabled_refuses_what_is_beyond_limit_and_grace(ask, added, limit, disk, mode, refused):
    shown = limit(10)
    mode("enabled")
    added("/disks", disk(7))
    assert warnings(ask) == []
    added("/disks", disk(2))
    assert "threshold" in warnings(ask)[0]
    added("/disks", disk(3))
    assert len(warnings(ask)) == 2
    status, text = refused("POST", "/disks", disk(1))
    assert (status, "limit of 10 was exceeded" in text) == (409, True)
    assert ask.value(shown, "usage") == "12"


def test_audit_warns_and_lets_it_pass(ask, added, limit, disk, mode):
    limit(10)
    mode("audit")
    added("/disks", disk(100))
    assert len(warnings(ask)) == 1


def test_disabled_does_not_care(ask, added, limit, disk):
    limit(10)
    added("/disks", disk(100))
    assert warnings(ask) == []


def test_a_limit_can_be_for_one_storage_domain(
    ask, added, limit, disk, mode, domain, refused, quota
):
    mine = limit(5, domain("mydata"))
    mode("enabled")
    assert "no limit for seconddata" in refused("POST", "/disks", disk(1, "seconddata"))[1]
    limit(50, domain("seconddata"))
    added("/disks", disk(50, "seconddata"))
    added("/disks", disk(5))
    assert refused("POST", "/disks", disk(5))[0] == 409
    assert ask.value(mine, "usage") == "5"
    body = "<quota_storage_limit><limit>1</limit></quota_storage_limit>"
    assert refused("POST", f"{quota}/quotastoragelimits", body)[0] == 409


def test_extending_and_copying_count(ask, added, limit, disk, mode, refused):
    limit(10)
    mode("enabled")
    path = added("/disks", disk(7))
    ask.engine.clock.advance(10)
    larger = f"<disk><provisioned_size>{20 * GIB}</provisioned_size></disk>"
    assert refused("PUT", path, larger)[0] == 409
    assert (
        refused("POST", f"{path}/copy", "<action><disk><name>again</name></disk></action>")[0]
        == 409
    )
    assert ask("PUT", path, larger.replace(str(20 * GIB), str(12 * GIB))).status == 200


def test_a_limit_that_is_taken_away_limits_no_more(ask, added, limit, disk, mode, refused):
    path = limit(1)
    mode("enabled")
    assert refused("POST", "/disks", disk(10))[0] == 409
    assert ask("DELETE", path).status == 200
    limit(-1)
    added("/disks", disk(10))


def test_vms_that_run_use_processors_and_memory(ask, added, act, named, quota, mode, refused):
    identity = quota.rpartition("/")[2]
    limits = "<vcpu_limit>2</vcpu_limit><memory_limit>100</memory_limit>"
    body = f"<quota_cluster_limit>{limits}</quota_cluster_limit>"
    shown = added(f"{quota}/quotaclusterlimits", body)
    mode("enabled")
    topology = (
        "<cpu><topology><cores>2</cores><sockets>1</sockets><threads>1</threads></topology></cpu>"
    )
    vms = [named("/vms", f"myvm{number}") for number in range(3)]
    for vm in vms:
        memory = f"<memory>{GIB}</memory>"
        assert ask("PUT", vm, f'<vm>{topology}{memory}<quota id="{identity}"/></vm>').status == 200
    act(vms[0], "start")
    ask.engine.clock.advance(10)
    assert ask.value(shown, "vcpu_usage") == "2"
    assert ask.value(shown, "memory_usage") == "1"
    assert refused("POST", f"{vms[1]}/start", "<action/>")[0] == 409
    act(vms[0], "stop")
    ask.engine.clock.advance(10)
    act(vms[1], "start")
    assert refused("DELETE", quota)[0] == 409


def test_a_quota_of_elsewhere_is_not_valid(ask, added, named, disk, mode, refused):
    other = added(
        f"{named('/datacenters', 'Default')}/quotas", "<quota><name>theirs</name></quota>"
    )
    mode("enabled")
    assert "not valid" in refused("POST", "/disks", disk(1, of=other))[1]
    assert ask("DELETE", other).status == 200
