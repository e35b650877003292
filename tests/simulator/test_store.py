from __future__ import annotations

import pytest
import trio

from trivirt import types
from trivirt.simulator import Clock, SimulatedEngine, _events, _jobs, _store
from trivirt.simulator._durations import Durations
from trivirt.simulator._store import Store


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return Store(clock)


def tag(name):
    return types.Tag(id=name, name=name)


def test_what_is_added_has_an_address(store):
    entry = store.add("/tags", tag("a b"))
    assert entry.value.href == "/ovirt-engine/api/tags/a%20b"
    assert store.find("/tags", "a b") is entry
    assert store.named("/tags", "a b") is entry
    assert store.find("/tags", "c") is None


def test_versions_grow_with_changes_only(store):
    entry = store.add("/tags", tag("a"))
    tags, other = store.collection("/tags"), store.collection("/other")
    before = (entry.version, tags.version, other.version, store.version)
    store.collection("/tags")
    assert (entry.version, tags.version, other.version, store.version) == before
    store.replace(entry, description="new")
    assert entry.version > before[0]
    assert tags.version > before[1]
    assert other.version == before[2]
    assert store.version > before[3]


def test_values_are_replaced_and_never_changed(store):
    entry = store.add("/tags", tag("a"))
    value = entry.value
    store.replace(entry, description="new")
    assert value.description is None
    assert entry.value.description == "new"
    store.replace(entry, description=None)
    assert entry.value.description is None


def test_removal_takes_what_is_below(store):
    entry = store.add("/vms", types.Vm(id="v"))
    nic = store.add("/vms/v/nics", types.Nic(id="n"))
    nics = nic.collection
    before = nic.version, nics.version
    store.remove(entry)
    assert len(store.collection("/vms")) == 0
    assert len(store.collection("/vms/v/nics")) == 0
    assert nic.version > before[0]
    assert nics.version > before[1]
    store.remove(entry)


def test_collections_are_made_when_they_are_looked_at(store):
    owners = []

    def make(store, owner):
        owners.append(owner)
        return [tag("made")]

    store.make_with("/vms/{id}/tags", make)
    assert owners == []
    for _ in range(2):
        assert len(store.collection("/vms/v/tags", "/vms/{id}/tags")) == 1
    assert owners == ["v"]


def test_timers_run_in_order_at_the_moment_they_were_due(store, clock):
    seen = []
    store.after(5, lambda: seen.append(("late", store.now)))
    store.after(2, lambda: seen.append(("early", store.now)))

    def chain():
        seen.append(("first", store.now))
        store.after(1, lambda: seen.append(("second", store.now)))

    store.after(3, chain)
    clock.advance(1)
    store.settle()
    assert seen == []
    clock.advance(100)
    store.settle()
    assert seen == [("early", 2), ("first", 3), ("second", 4), ("late", 5)]
    assert store.now == 101


def test_a_clock_stands_still_outside_of_trio(clock):
    assert clock.now() == clock.now() == 0
    clock.advance(3)
    assert clock.now() == 3
    assert clock.date().isoformat(timespec="milliseconds") == "2024-03-05T10:11:15.345+01:00"
    assert "3.000" in repr(clock)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


async def test_a_clock_runs_with_trio(clock, autojump_clock):
    before = clock.now()
    await trio.sleep(10)
    assert clock.now() - before == pytest.approx(10)


def test_a_clock_goes_on_in_another_run(clock):
    async def spend():
        clock.now()
        trio.testing.MockClock  # noqa: B018
        await trio.sleep(7)
        return clock.now()

    for expected in (7, 14):
        seen = trio.run(spend, clock=trio.testing.MockClock(autojump_threshold=0))
        assert seen == pytest.approx(expected)


@pytest.mark.parametrize("path", ["/vms", "/hosts", "/disks", "/events", "/networks"])
def test_the_same_seed_is_the_same_engine(asker, path):
    one, other = (asker(SimulatedEngine(vms=30, seed=7)).get(path).body for _ in range(2))
    assert one == other
    assert asker(SimulatedEngine(vms=30, seed=8)).get(path).body != one


def test_proportions(asker, listed):
    ask = asker(SimulatedEngine(vms=1000))
    counts = {path: len(ask.engine.store.collection(path)) for path in PROPORTIONS}
    assert counts == PROPORTIONS
    vms = listed(ask.get("/vms"))
    nics = sum(len(listed(ask.get(f"{vm}/nics"))) for vm in vms[:100])
    disks = sum(len(listed(ask.get(f"{vm}/diskattachments"))) for vm in vms[:100])
    permissions = sum(len(listed(ask.get(f"{vm}/permissions"))) for vm in vms[:100])
    assert (nics, disks, permissions) == (120, 125, 200)


PROPORTIONS = {
    "/vms": 1000,
    "/hosts": 50,
    "/clusters": 5,
    "/datacenters": 1,
    "/storagedomains": 10,
    "/networks": 10,
    "/templates": 21,
    "/disks": 1280,
}


@pytest.mark.parametrize("vms", [0, 1])
def test_a_data_center_can_be_small(asker, vms):
    ask = asker(SimulatedEngine(vms=vms))
    for path in ("/vms", "/hosts", "/disks", "/events", ""):
        assert ask.get(path).status == 200


def references(value):
    from trivirt.model import Struct, settled

    for inner in settled(value).values():
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, Struct):
                href = settled(one).get("href")
                if href is not None:
                    yield href
                yield from references(one)


@pytest.mark.parametrize(
    "path", ["/vms", "/hosts", "/clusters", "/disks", "/networks", "/vnicprofiles", "/templates"]
)
def test_references_of_the_seed_lead_somewhere(ask, path):
    for entry in ask.engine.store.collection(path):
        for href in set(references(entry.value)):
            answer = ask.get(href.removeprefix("/ovirt-engine/api"))
            assert answer.status == 200, (entry, href)


def test_entities_are_found_by_what_they_point_to(store):
    first, second = (store.add("/hosts", types.Host(id=name)) for name in "ab")
    vm = store.add("/vms", types.Vm(id="v", host=types.Host(id="a")))
    assert store.where("/vms", "host", first.id) == [vm]
    store.replace(vm, host=types.Host(id="b"))
    assert store.where("/vms", "host", first.id) == []
    assert store.where("/vms", "host", second.id) == [vm]
    other = store.add("/vms", types.Vm(id="w", host=types.Host(id="b")))
    assert store.where("/vms", "host", second.id) == [vm, other]
    store.replace(vm, host=None)
    store.remove(other)
    assert store.where("/vms", "host", second.id) == []


def test_names_are_found_after_every_change(store):
    first, second = store.add("/tags", tag("a")), store.add("/tags", tag("b"))
    assert store.named("/tags", "a") is first
    store.replace(first, name="b")
    assert store.named("/tags", "a") is None
    assert store.named("/tags", "b") is second
    store.remove(second)
    assert store.named("/tags", "b") is first
    again = store.add("/tags", tag("a"))  # in place of the one with this id
    assert store.named("/tags", "b") is None
    assert store.named("/tags", "a") is again
    store.fill("/tags", [(tag("c"), None)])
    assert store.named("/tags", "a") is None
    assert store.named("/tags", "c") is not None


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(_store, "FORGETTABLE", 2)


def make_nics(store, *known):
    made = []

    def maker(store, owner):
        made.append(owner)
        return [types.Nic(id=f"nic of {owner}")]

    store.make_with("/vms/{id}/nics", maker, known.__contains__)
    for name in "abcd":
        store.add("/vms", types.Vm(id=name))
    return made


def test_what_can_be_made_again_is_forgotten_when_there_is_too_much(store, few):
    made = make_nics(store, *"abcd")
    first = store.collection("/vms/a/nics", "/vms/{id}/nics")
    version, nic = first.version, next(iter(first))
    for name in "bcd":
        store.collection(f"/vms/{name}/nics", "/vms/{id}/nics")
    assert not store.is_made("/vms/a/nics")
    assert first.version > version, "an answer made from it would be taken for good"
    store.replace(nic, name="eth0")
    again = store.collection("/vms/a/nics", "/vms/{id}/nics")
    assert made == list("abcda")
    assert [each.value.name for each in again] == ["eth0"]
    store.remove(store.find("/vms", "a"))
    assert not store.is_made("/vms/a/nics")


def test_what_was_changed_or_cannot_be_made_again_stays(store, few):
    made = make_nics(store, "a", "b", "d")
    paths = [f"/vms/{name}/nics" for name in "abcd"]
    for path in paths:
        collection = store.collection(path, "/vms/{id}/nics")
        if path != paths[1]:
            continue
        store.replace(next(iter(collection)), name="eth0")
    store.collection("/vms/e/nics", "/vms/{id}/nics")
    assert made == list("abcde")
    assert [store.is_made(path) for path in paths] == [False, True, True, True]


def test_many_events_and_jobs_are_not_kept_for_ever(clock, store, monkeypatch):
    monkeypatch.setattr(_events, "MOST", 10)
    monkeypatch.setattr(_jobs, "MOST", 10)
    jobs = _jobs.Jobs(store, Durations())
    running = jobs.begin("long", None, "x")
    for number in range(25):
        _events.add_event(store, 35, str(number))
        jobs.end(jobs.begin("short", None, "x"), failed=number % 2 == 0)
    texts = [entry.value.description for entry in store.collection("/events")]
    assert texts == [str(number) for number in range(14, 25)]
    assert len(store.collection("/jobs")) == 1 + 10 + 10
    clock.advance(600)
    store.settle()
    left = [entry.value.status for entry in store.collection("/jobs")]
    assert left == [types.JobStatus.STARTED] + 10 * [types.JobStatus.FAILED]
    clock.advance(3000)
    store.settle()
    assert list(store.collection("/jobs")) == [running]


def test_jobs_that_end_later_vanish_later(clock, store):
    jobs = _jobs.Jobs(store, Durations(job_kept=10))
    for _ in range(3):
        jobs.end(jobs.begin("short", None, "x"))
        clock.advance(4)
        store.settle()
    left = []
    for _ in range(4):
        left.append(len(store.collection("/jobs")))
        clock.advance(4)
        store.settle()
    assert left == [2, 1, 0, 0]


def test_events_are_kept_for_thirty_days(clock, store):
    _events.add_event(store, 1, "old")
    clock.advance(29 * 86400)
    store.settle()
    _events.add_event(store, 1, "young")
    assert len(store.collection("/events")) == 2
    clock.advance(2 * 86400)
    store.settle()
    _events.add_event(store, 1, "new")
    texts = [entry.value.description for entry in store.collection("/events")]
    assert texts == ["young", "new"]
