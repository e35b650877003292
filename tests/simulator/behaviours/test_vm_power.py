"""What VMs do, over time that the test moves."""

from __future__ import annotations

import re

import pytest

from trivirt import types
from trivirt.simulator import SimulatedEngine


@pytest.fixture
def engine():
    """With VMs and hosts in numbers."""
    return SimulatedEngine(vms=20)


@pytest.fixture
def states(ask):
    """The states a VM passes in the coming seconds, each once."""

    def passed(vm, seconds=12):
        seen = [ask.value(vm, "status")]
        for _ in range(seconds * 2):
            ask.engine.clock.advance(0.5)
            state = ask.value(vm, "status")
            if state != seen[-1]:
                seen.append(state)
        return seen

    return passed


@pytest.fixture
def act(ask):
    def action(vm, name, body="<action/>"):
        return ask("POST", f"{vm}/{name}", body)

    return action


@pytest.fixture
def running(ask):
    return ask.first("/vms?search=status%3Dup")


@pytest.fixture
def stopped(ask):
    return ask.first("/vms?search=status%3Ddown")


def test_point_32_an_action_is_complete_before_its_effect(ask, act, stopped):
    answer = act(stopped, "start")
    assert answer.status == 200
    assert b"<status>complete</status>" in answer.body
    assert ask.value(stopped, "status") != "up"


def test_point_48_a_vm_starts_through_the_states_in_between(ask, act, states, stopped):
    act(stopped, "start")
    assert states(stopped) == ["wait_for_launch", "powering_up", "up"]
    assert b"<host href=" in ask.get(stopped).body


def test_point_48_nothing_passes_while_time_stands_still(ask, act, stopped):
    act(stopped, "start")
    assert {ask.value(stopped, "status") for _ in range(10)} == {"wait_for_launch"}


def test_point_48_durations_can_be_set(ask, act, states, stopped):
    ask.engine.durations.powering_up = 100
    act(stopped, "start")
    assert states(stopped) == ["wait_for_launch", "powering_up"]


def test_states_pass_in_order_however_late_we_look(ask, act, stopped):
    act(stopped, "start")
    ask.engine.clock.advance(1000)
    assert ask.value(stopped, "status") == "up"


@pytest.mark.parametrize(
    ("action", "passed"),
    [
        ("stop", ["powering_down", "down"]),
        ("shutdown", ["powering_down", "down"]),
        ("reboot", ["reboot_in_progress", "up"]),
        ("suspend", ["saving_state", "suspended"]),
        ("migrate", ["migrating", "up"]),
    ],
)
def test_point_48_what_running_vms_do(act, states, running, action, passed):
    assert act(running, action).status == 200
    assert states(running) == passed


def test_a_suspended_vm_comes_back(act, states, running):
    act(running, "suspend")
    states(running)
    act(running, "start")
    assert states(running) == ["restoring_state", "up"]


def test_a_vm_can_be_started_paused(act, states, stopped):
    act(stopped, "start", "<action><pause>true</pause></action>")
    assert states(stopped) == ["wait_for_launch", "paused"]
    act(stopped, "start")
    assert states(stopped) == ["up"]


def test_a_migration_ends_on_another_host(ask, act, states, running):
    (before,) = re.findall(r'<host href="[^"]*" id="([^"]*)"', ask.get(running).body.decode())
    act(running, "migrate")
    states(running)
    (after,) = re.findall(r'<host href="[^"]*" id="([^"]*)"', ask.get(running).body.decode())
    assert after != before


def test_a_stopped_vm_has_no_host(ask, act, states, running):
    act(running, "stop")
    states(running)
    assert b"<host href=" not in ask.get(running).body


@pytest.mark.parametrize("action", ["start", "migrate"])
def test_point_50_starting_a_running_vm_is_409(ask, act, running, action):
    act(running, "migrate")
    before = ask.get(running).body
    assert act(running, action).status == 409
    assert ask.get(running).body == before


@pytest.mark.parametrize("action", ["stop", "shutdown", "reboot", "suspend", "migrate"])
def test_point_50_stopping_a_stopped_vm_is_409(act, stopped, action):
    assert act(stopped, action).status == 409


def test_point_51_a_running_vm_is_not_removed(ask, running):
    answer = ask("DELETE", running)
    assert answer.status == 409
    assert b"VM is running" in answer.body
    assert ask.value(running, "status") == "up"


def test_point_51_a_protected_vm_is_not_removed(ask, stopped):
    ask("PUT", stopped, "<vm><delete_protected>true</delete_protected></vm>")
    answer = ask("DELETE", stopped)
    assert answer.status == 409
    assert b"Delete protection" in answer.body
    assert ask.get(stopped).status == 200


def test_disks_stay_when_only_the_vm_is_removed(ask, stopped, listed):
    before = len(listed(ask.get("/disks")))
    assert ask("DELETE", f"{stopped}?detach_only=true").status == 200
    assert len(listed(ask.get("/disks"))) == before


def test_a_change_in_between_does_not_end_what_goes_on(ask, act, states, stopped):
    act(stopped, "start")
    ask("PUT", stopped, "<vm><description>new</description></vm>")
    assert states(stopped)[-1] == "up"
    assert ask.value(stopped, "description") == "new"


def test_stop_ends_what_goes_on(act, states, stopped):
    act(stopped, "start")
    act(stopped, "stop")
    assert states(stopped) == ["powering_down", "down"]


def test_a_removed_vm_does_nothing_any_more(ask, act, states, stopped):
    act(stopped, "start")
    act(stopped, "stop")
    states(stopped)
    ask("DELETE", stopped)
    ask.engine.clock.advance(100)
    assert ask.get(stopped).status == 404


def test_point_54_a_second_command_while_one_goes_on_is_409(act, states, stopped):
    act(stopped, "start")
    for command in ("start", "migrate", "suspend"):
        assert act(stopped, command).status == 409
    assert states(stopped)[-1] == "up"


def test_point_55_a_state_can_change_by_itself(ask, running):
    """A VM that crashes, or another client: a test puts the state it wants into the store."""
    store = ask.engine.store
    vm = store.find("/vms", running.rpartition("/")[2])
    store.after(10, lambda: store.replace(vm, status=types.VmStatus.NOT_RESPONDING))
    assert ask.value(running, "status") == "up"
    ask.engine.clock.advance(10)
    assert ask.value(running, "status") == "not_responding"


VM = (
    "<vm><name>new</name><cluster><name>Default</name></cluster>"
    "<template><name>{}</name></template></vm>"
)


def test_a_vm_without_disks_is_there_at_once(ask, act, listed):
    answer = ask("POST", "/vms", VM.format("Blank"))
    assert answer.status == 201
    vm = answer.header("location").partition("/api")[2]
    assert ask.value(vm, "status") == "down"
    assert int(ask.value(vm, "memory")) == 2**30
    assert len(listed(ask.get(f"{vm}/snapshots"))) == 1
    assert listed(ask.get(f"{vm}/nics")) == []
    assert act(vm, "start").status == 200


def test_point_49_a_vm_being_made_is_locked(ask, act, states, listed):
    answer = ask("POST", "/vms", VM.format("golden-00"))
    assert answer.status == 202
    vm = answer.header("location").partition("/api")[2]
    assert vm in listed(ask.get("/vms"))
    assert act(vm, "start").status == 409
    assert ask("DELETE", vm).status == 409
    assert states(vm) == ["image_locked", "down"]
    assert act(vm, "start").status == 200
    assert states(vm)[-1] == "up"


def test_a_name_can_be_had_once(ask):
    assert ask("POST", "/vms", VM.format("Blank")).status == 201
    assert ask("POST", "/vms", VM.format("Blank")).status == 409
    other = ask.first("/vms")
    assert ask("PUT", other, "<vm><name>new</name></vm>").status == 409


def test_point_52_commands_write_events(ask, act, states, stopped):
    newest = ask.engine.store.collection("/events")
    last = max(int(entry.id) for entry in newest)
    name = ask.value(stopped, "name")
    ask("POST", f"{stopped}/start", "<action/>", correlation_id="run-17")
    states(stopped)
    body = ask.get(f"/events?from={last}").body.decode()
    assert re.findall(r"<code>(\d+)</code>", body) == ["153", "32"]
    assert set(re.findall(r"<correlation_id>(.*)</correlation_id>", body)) == {"run-17"}
    assert f"VM {name} started on Host host-0" in body
    assert set(re.findall(r'<(vm|host|user) href="', body)) == {"vm", "host", "user"}
    assert re.findall(r"<severity>(\w+)</severity>", body) == ["normal", "normal"]


def test_a_vm_without_a_fitting_host_is_not_started(asker):
    ask = asker(SimulatedEngine(vms=10))
    for host in list(ask.engine.store.collection("/hosts")):
        ask.engine.store.remove(host)
    answer = ask("POST", f"{ask.first('/vms?search=status%3Ddown')}/start", "<action/>")
    assert answer.status == 409
    assert b"no host" in answer.body


def test_a_console_is_also_a_file_for_a_viewer(ask):
    console = ask.first(f"{ask.first('/vms?search=status%3Dup')}/graphicsconsoles")
    answer = ask.get(console, accept="application/x-virt-viewer")
    assert (answer.status, answer.header("content-type")) == (200, "application/x-virt-viewer")
    assert answer.body.startswith(b"[virt-viewer]\n")
    assert ask.get("/vms", accept="application/x-virt-viewer").status == 406


def test_hosts_tell_how_many_vms_they_run(ask, act):
    vm = ask.first("/vms?search=status%3Dup")
    host = re.findall(r'<host href="/ovirt-engine/api([^"]+)"', ask.get(vm).body.decode())[0]
    count = int(ask.value(host, "total"))
    assert count > 0
    act(vm, "stop")
    ask.engine.clock.advance(5)
    assert ask.value(host, "total") == ask.value(host, "active") == str(count - 1)
    policy = f"<placement_policy><hosts><host id='{host[7:]}'/></hosts></placement_policy>"
    answer = ask("POST", f"{vm}/start", f"<action><vm>{policy}</vm></action>")
    assert answer.status == 200, answer.body
    assert ask.value(host, "total") == str(count)
