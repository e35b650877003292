"""Users who are not administrators: the filtered view, and 403 (point 39)."""

from __future__ import annotations

import json

import pytest

from trivirt.simulator import SimulatedEngine


@pytest.fixture
def engine():
    return SimulatedEngine(seed="examples")


@pytest.fixture
def user(engine):
    return engine.add_user("guest@internal", "secret")


@pytest.fixture
def guest(engine, user, asker):
    form = "grant_type=password&scope=ovirt-app-api&username=guest@internal&password=secret"
    path = "/ovirt-engine/sso/oauth/token"
    answer = asker(engine).send("POST", path, form, accept="application/json")
    return asker(engine, token=json.loads(answer.body)["access_token"])


@pytest.fixture
def permit(ask, user):
    """Give the guest a role on something."""

    def give(path: str, role: str = "UserVmManager") -> str:
        body = f"<permission><role><name>{role}</name></role><user id='{user}'/></permission>"
        answer = ask("POST", f"{path}/permissions", body)
        assert answer.status == 201, answer.body
        return answer.header("location").partition("/api")[2]

    return give


@pytest.fixture
def vm(ask):
    return ask.first("/vms?search=name%3Dmyvm")


def test_nothing_is_seen_without_a_permission(guest, vm, listed):
    assert listed(guest.get("/vms")) == []
    assert listed(guest.get("/hosts")) == []
    assert guest.get(vm).status == 404
    assert guest.get(f"{vm}/nics").status == 404
    assert guest("POST", f"{vm}/start", "<action/>").status == 404


def test_what_is_permitted_is_seen(guest, vm, permit, listed, ask):
    permission = permit(vm)
    assert listed(guest.get("/vms")) == [vm]
    assert guest.get(f"{vm}/nics").status == 200
    (disk,) = listed(guest.get("/disks"))
    assert ask.value(disk, "alias") == "mydisk"
    assert ask("DELETE", permission).status == 200
    assert listed(guest.get("/vms")) == []


def test_a_cluster_gives_its_vms(guest, ask, permit, listed):
    permit(ask.first("/clusters?search=name%3Dmycluster"))
    assert len(listed(guest.get("/vms"))) == len(listed(ask.get("/vms")))


def test_filtered_views_have_less(guest, ask, permit):
    vm = ask.first("/vms?search=name%3Dmyvm-up")
    permit(vm)
    for path in (vm, "/vms"):
        assert b"<host " in ask.get(path).body
        assert b"<host " not in guest.get(path).body
        assert b"<placement_policy>" not in guest.get(path).body
    assert b"<summary>" in ask.get("").body
    assert b"<summary>" not in guest.get("").body


@pytest.mark.parametrize(("role", "status"), [("UserVmManager", 200), ("SuperUser", 200)])
def test_point_39_commands_need_a_role_that_permits_them(guest, vm, permit, role, status):
    permit(vm, role)
    assert guest("POST", f"{vm}/start", "<action/>").status == status


def test_point_39_no_permission_is_403(guest, ask, vm, permit):
    role = "<role><name>looker</name><permits><permit id='1300'/></permits></role>"
    assert ask("POST", "/roles", role).status == 201
    permit(vm, "looker")
    answer = guest("POST", f"{vm}/start", "<action/>")
    assert answer.status == 403
    assert b"[User is not authorized to perform this action.]" in answer.body
    assert b"<status>failed</status>" in answer.body
    assert guest("DELETE", vm).status == 403
    assert guest("POST", "/tags", "<tag><name>x</name></tag>").status == 403
    assert ask.value(vm, "status") == "down"


def test_an_administrator_by_permission(guest, ask, user, listed):
    body = f"<permission><role><name>SuperUser</name></role><user id='{user}'/></permission>"
    assert ask("POST", "/permissions", body).status == 201
    assert listed(guest.get("/vms")) == listed(ask.get("/vms"))
    assert guest("POST", "/tags", "<tag><name>x</name></tag>").status == 201
