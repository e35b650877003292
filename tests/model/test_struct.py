"""Objects as a caller builds, changes, compares and shows them."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from datetime import datetime, timezone

import pytest

from trivirt.model import Items, Struct, fields
from trivirt.types import (
    Cluster,
    Cpu,
    CpuTopology,
    Host,
    Nic,
    Permission,
    Range,
    Snapshot,
    StatisticKind,
    Ticket,
    User,
    Vm,
    VmStatus,
)


def test_unset_is_none_and_not_held() -> None:
    vm = Vm(name="a", memory=None)
    assert vm.memory is vm.cluster is vm.href is None
    assert vm.__dict__ == {"name": "a"}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("name", 3, "a str, not int"),
        ("memory", "3", "an int, not str"),
        ("memory", True, "an int, not bool"),
        ("run_once", 1, "a bool, not int"),
        ("start_time", "2024-03-05T10:11:12", "a datetime, not str"),
        ("status", "up", r"a VmStatus such as VmStatus\('up'\), not str"),
        ("status", "pu", "a VmStatus, not str"),
        ("status", StatisticKind.GAUGE, "a VmStatus, not StatisticKind"),
        ("cluster", Host(), "a Cluster, not Host"),
        ("cluster", "Default", "a Cluster, not str"),
        ("nics", Nic(), "a list of Nic, not Nic"),
        ("nics", "eth0", "a list of Nic, not str"),
        ("nics", [Nic(), Vm()], "a Nic, not Vm"),
    ],
)
def test_wrong_type_names_the_attribute(name: str, value: object, wanted: str) -> None:
    with pytest.raises(TypeError, match=rf"Vm\.{name} must be {wanted}"):
        Vm(**{name: value})  # type: ignore[arg-type]
    vm = Vm()
    with pytest.raises(TypeError, match=rf"Vm\.{name} must be {wanted}"):
        setattr(vm, name, value)
    assert vm == Vm()


def test_a_subclass_is_another_class() -> None:
    """Quirk 33: the engine would refuse the elements that only the subclass has."""
    with pytest.raises(TypeError, match=r"Permission\.vm must be a Vm, not Snapshot"):
        Permission(vm=Snapshot())


def test_unknown_names() -> None:
    with pytest.raises(TypeError, match="Vm has no attribute 'nmae'"):
        Vm(nmae="a")  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="Vm has no attribute 'nmae'"):
        Vm().nmae = "a"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = Vm().nmae  # type: ignore[attr-defined]


def test_assignment_and_taking_back() -> None:
    vm = Vm(name="a")
    vm.name = "b"
    vm.cluster = Cluster(id="1")
    assert (vm.name, vm.cluster.id) == ("b", "1")
    vm.name = None
    del vm.cluster
    assert vm == Vm()


def test_lists() -> None:
    nics = Items([Nic(name="a")], href="/x")
    vm = Vm(nics=nics)
    assert vm.nics is nics
    vm.nics = [Nic(name="a")]  # type: ignore[assignment]  # what untyped callers will write
    assert isinstance(vm.nics, Items)
    assert vm.nics == nics == [Nic(name="a")]
    assert vm.nics.href is None
    assert copy.copy(nics).href == nics.copy().href == copy.deepcopy(nics).href == "/x"
    assert pickle.loads(pickle.dumps(nics)).href == "/x"


def test_an_int_is_taken_for_a_decimal() -> None:
    cpu = Cpu(speed=3)
    assert type(cpu.speed) is float


def test_equality_is_by_value_and_class() -> None:
    assert Vm(name="a", cpu=Cpu(name="x")) == Vm(cpu=Cpu(name="x"), name="a")
    assert Vm(name="a") != Vm(name="b")
    assert Vm(name="a") != Host(name="a")
    assert Vm() != "vm"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Vm())


def test_repr_is_short_and_hides_secrets() -> None:
    vm = Vm(
        id="1",
        status=VmStatus.UP,
        description="x" * 500,
        cluster=Cluster(id="7"),
        cpu=Cpu(topology=CpuTopology(cores=2)),
        host=Host(),
        nics=Items([Nic()]),
        tags=Items(href="/t"),
    )
    text = repr(vm)
    assert text.startswith("Vm(description='xxx")
    for part in ("id='1'", "status=up", "cluster=Cluster(id='7')", "cpu=Cpu(...)", "host=Host()"):
        assert part in text
    assert "nics=<1 items>" in text
    assert "tags=<link>" in text
    assert len(text) < 250
    assert repr(Ticket(value="abc", expiry=3)) == "Ticket(expiry=3, value='***')"
    assert "secret" not in repr(User(password="secret", user_name="u"))
    assert repr(Items([Nic(id="1")] * 7, href="/n")) == (
        "Items([" + "Nic(id='1'), " * 5 + "... 7 items], href='/n')"
    )


def test_plain_data() -> None:
    when = datetime(2024, 3, 5, tzinfo=timezone.utc)
    vm = Vm(
        name="a",
        status=VmStatus.UP,
        start_time=when,
        nics=Items([Nic(name="n")], href="/n"),
        tags=Items(href="/t"),
    )
    plain = vm.to_dict()
    assert json.loads(json.dumps(plain)) == {
        "name": "a",
        "status": "up",
        "start_time": "2024-03-05T00:00:00+00:00",
        "nics": [{"name": "n"}],
        "tags": {"href": "/t"},
    }
    again = Vm.from_dict(plain)
    assert again == vm
    assert again.tags is not None
    assert again.tags.href == "/t"
    assert Vm.from_dict({"start_time": "2024-03-05T00:00:00Z", "status": VmStatus.UP}) == Vm(
        start_time=when, status=VmStatus.UP
    )
    assert Range.from_dict({"from_": "a"}) == Range(from_="a")
    assert Vm.from_dict({"status": "hibernated", "name": None}).status == "hibernated"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"nmae": 1}, "no attribute 'nmae'"),
        ({"start_time": "yesterday"}, "must be a date"),
        ({"nics": {"items": []}}, "must be a list"),
        ({"nics": "x"}, "must be a list"),
        ({"cpu": {"cores": "x"}}, r"Cpu\.cores must be a list"),
        ({"cpu": 3}, r"Vm\.cpu must be a Cpu"),
        ({"status": 3}, r"Vm\.status must be a VmStatus"),
    ],
)
def test_plain_data_that_is_wrong(data: dict[str, object], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Vm.from_dict(data)


def test_signature_shows_the_attributes() -> None:
    parameters = inspect.signature(Vm).parameters
    assert parameters["nics"].annotation == "Items[Nic] | None"
    assert parameters["name"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("annotation", ["int | str", "list[int] | None", "Items[Nic", "Nic]", ""])
def test_a_declaration_that_is_not_understood_says_where(annotation: str) -> None:
    class Odd(Struct):
        pass

    Odd.__annotations__ = {"size": annotation}
    with pytest.raises(TypeError, match="the annotation of size is not understood"):
        fields(Odd)
