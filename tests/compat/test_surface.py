"""Modules, types, enumerations and services: everything that is there without a request."""

from __future__ import annotations

import copy
import enum
import importlib
import inspect
import pickle

import pytest
from surface_facts import ENUMS, SERVICES, STRUCTS, attributes

MODULES = (
    *("types", "services", "readers", "writers", "reader"),
    *("writer", "http", "service", "xml", "version"),
)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_one_object_however_it_is_reached(sdk, name):
    module = importlib.import_module(f"ovirtsdk4.{name}")
    assert module is getattr(sdk, name)
    assert module.__name__ == f"ovirtsdk4.{name}"


def test_the_version_is_one_that_programs_accept(sdk):
    assert tuple(map(int, sdk.version.VERSION.split("."))) >= (4, 6, 3)
    assert sdk.get_version() == sdk.version.VERSION


def test_everything_can_be_imported_by_star_and_listed(sdk):
    space: dict[str, object] = {}
    exec("from ovirtsdk4.types import *", space)
    assert space["VmStatus"] is sdk.types.VmStatus
    assert space["Enum"] is enum.Enum
    assert (space["List"], space["Struct"]) == (sdk.List, sdk.Struct)
    exec("from ovirtsdk4.services import *", space)
    assert (space["VmService"], space["Service"]) == (sdk.services.VmService, sdk.service.Service)
    exec("from ovirtsdk4.readers import *; from ovirtsdk4.writers import *", space)
    assert (space["VmReader"], space["VmWriter"]) == (sdk.readers.VmReader, sdk.writers.VmWriter)
    assert space["types"] is sdk.types
    assert {*ENUMS, *STRUCTS} <= set(dir(sdk.types))
    assert {*SERVICES, "AreaService", "FollowService"} <= set(dir(sdk.services))
    assert {f"{name}Reader" for name in STRUCTS} <= set(dir(sdk.readers))
    assert {f"{name}Writer" for name in STRUCTS} <= set(dir(sdk.writers))
    assert dict(inspect.getmembers(sdk.types, inspect.isclass))["Vm"] is sdk.types.Vm


@pytest.mark.parametrize("module", ["types", "services", "readers", "writers"])
def test_a_name_that_is_not_there(sdk, module):
    with pytest.raises(AttributeError, match="has no attribute 'Nope'"):
        _ = getattr(sdk, module).Nope


# Types.


@pytest.mark.parametrize("name", STRUCTS)
def test_constructors_take_all_properties_by_name(sdk, name):
    cls = getattr(sdk.types, name)
    assert list(inspect.signature(cls).parameters) == sorted(attributes(name))
    assert all(p.default is None for p in inspect.signature(cls).parameters.values())


@pytest.mark.parametrize("name", STRUCTS)
def test_an_object_holds_its_properties_and_nothing_else(sdk, name):
    held = vars(getattr(sdk.types, name)())
    assert held == dict.fromkeys(["_href", *(f"_{one}" for one in attributes(name))])
    assert list(held) == ["_href", *(f"_{one}" for one in attributes(name))]


@pytest.mark.parametrize("name", STRUCTS)
def test_types_inherit_as_they_always_did(sdk, name):
    base = STRUCTS[name].get("base")
    expected = getattr(sdk.types, base) if base else sdk.Struct
    cls = getattr(sdk.types, name)
    assert cls.__bases__ == (expected,)
    assert (cls.__module__, cls.__qualname__) == ("ovirtsdk4.types", name)


def test_unknown_keywords_are_errors_and_so_is_href(sdk):
    for keyword in ("nam", "href"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{keyword}'"):
            sdk.types.Vm(**{keyword: "x"})


def test_positional_arguments_count_by_name(sdk):
    assert sdk.types.Vlan("5").id == "5"


def test_structs_and_enums_are_checked_by_exact_class_and_nothing_else_is(sdk):
    types = sdk.types
    with pytest.raises(TypeError) as caught:
        types.Vm(cluster="x")
    message = "The type 'str' isn't valid for attribute 'cluster', it must be 'Cluster'"
    assert str(caught.value) == message
    vm = types.Vm(name=5, nics="abc", memory="x")
    assert (vm.name, vm.nics, vm.memory) == (5, "abc", "x")

    class Special(types.Cluster):
        pass

    with pytest.raises(TypeError, match="'Special' isn't valid"):
        vm.cluster = Special()
    with pytest.raises(TypeError, match="must be 'VmStatus'"):
        vm.status = "up"
    vm.cluster = None


def test_any_attribute_may_be_set(sdk):
    vm = sdk.types.Vm()
    vm.href, vm.own = "/h", 1
    assert (vm.href, vm._href, vm.own) == ("/h", "/h", 1)


def test_equality_is_identity_and_repr_names_the_module(sdk):
    one, other = sdk.types.Vm(id="1"), sdk.types.Vm(id="1")
    assert one != other
    assert len({one, other, one}) == 2
    assert repr(one).startswith("<ovirtsdk4.types.Vm object at 0x")


def test_copies_and_pickles(sdk):
    vm = sdk.types.Vm(name="a", status=sdk.types.VmStatus.UP, nics=sdk.List("/nics"))
    vm.nics.append(sdk.types.Nic(name="n"))
    for made in (copy.copy(vm), copy.deepcopy(vm), pickle.loads(pickle.dumps(vm))):
        assert (made.name, made.status, made.nics[0].name) == ("a", vm.status, "n")
        assert (type(made.nics), made.nics.href) == (sdk.List, "/nics")


def test_lists_are_lists_with_an_address(sdk):
    items = sdk.List("/x")
    assert (items, items.href, isinstance(items, list)) == ([], "/x", True)
    assert sdk.types.Struct is sdk.Struct
    assert sdk.types.List is sdk.List


# Enumerations.


@pytest.mark.parametrize("name", ENUMS)
def test_enumerations_have_their_members_in_order(sdk, name):
    cls = getattr(sdk.types, name)
    assert isinstance(cls, enum.EnumMeta)
    # Generators of ovirtsdk4 sort by words, so that `INSTALL_FAILED` comes before `INSTALLING`.
    values = sorted(ENUMS[name]["values"].items(), key=lambda pair: pair[0].lower())
    assert [(one.name, one.value) for one in cls] == values


def test_a_member_shows_as_its_text_and_equals_none(sdk):
    up = sdk.types.VmStatus.UP
    assert (str(up), f"{up}", f"{up:>4}", up.value, up.name) == ("up", "up", "  up", "up", "UP")
    assert up != "up"
    assert repr(up) == "<VmStatus.UP: 'up'>"
    assert sdk.types.VmStatus("up") is sdk.types.VmStatus["UP"] is sdk.types.VmStatus(up) is up
    with pytest.raises(ValueError, match="'nope' is not a valid VmStatus"):
        sdk.types.VmStatus("nope")


# Services.

METHODS = [(name, one) for name, fact in SERVICES.items() for one in fact["methods"]]


@pytest.mark.parametrize(("name", "fact"), METHODS, ids=[f"{n}.{m['name']}" for n, m in METHODS])
def test_methods_have_the_parameters_that_programs_look_for(sdk, name, fact):
    method = getattr(getattr(sdk.services, name), fact["name"])
    spec = inspect.getfullargspec(method)
    own = [one["name"] for one in fact["params"]]
    assert spec.args == ["self", *own, "headers", "query", "wait"]
    assert spec.varkw == "kwargs"
    bodies = [one for one in fact["params"] if one["in"] == "body"]
    assert spec.defaults == (*[None] * (len(own) - len(bodies) + 2), True)


@pytest.mark.parametrize("name", SERVICES)
def test_locators_lead_where_they_should(sdk, connection, name):
    service = getattr(sdk.services, name)(connection, "/at")
    for locator in SERVICES[name]["locators"]:
        find = getattr(service, locator["name"])
        target = find("x") if "param" in locator else find()
        assert type(target) is getattr(sdk.services, locator["service"])
        assert target._path == f"/at/{locator.get('segment', 'x')}"
        assert find.__qualname__ == f"{name}.{locator['name']}"


@pytest.fixture
def connection(sdk):
    return sdk.Connection("https://nowhere/ovirt-engine/api", "u", "p", insecure=True)


def test_a_service_has_an_attribute_for_each_locator_and_few_others(sdk, connection):
    system = connection.system_service()
    plain = [n for n in dir(system) if not callable(getattr(system, n)) and n[:2] != "__"]
    locators = {f"_{one['name']}" for one in SERVICES["SystemService"]["locators"]}
    assert set(plain) == {"_connection", "_path", *locators}
    for name in locators:
        assert isinstance(getattr(system, name[1:])(), sdk.service.Service)
    assert system is connection.system_service()
    assert system._connection is connection


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", "SystemService:"),
        ("vms", "VmsService:/vms"),
        ("vms/", "VmsService:/vms"),
        ("vms/1/nics/2", "VmNicService:/vms/1/nics/2"),
        ("vms/1/diskattachments/3", "DiskAttachmentService:/vms/1/diskattachments/3"),
    ],
)
def test_paths_lead_to_services(connection, path, found):
    assert str(connection.service(path)) == found


@pytest.mark.parametrize(
    ("path", "rest"),
    [("nope", "nope"), ("vms/1/nope/2", "nope/2"), ("/vms", "/vms"), ("vms//1", "1")],
)
def test_paths_that_lead_nowhere_say_from_where(sdk, connection, path, rest):
    with pytest.raises(sdk.Error) as caught:
        connection.service(path)
    assert str(caught.value) == f'The path "{rest}" doesn\'t correspond to any service'


def test_arguments_are_checked_by_exact_type_before_any_request(sdk, connection):
    vms = connection.system_service().vms_service()
    with pytest.raises(TypeError) as caught:
        vms.list(search=5, max=True)
    assert str(caught.value) == (
        "The 'max' parameter should be of type 'int', but it is of type 'bool'. "
        "The 'search' parameter should be of type 'str', but it is of type 'int'."
    )
    for wrong in (
        lambda: vms.vm_service(5),
        lambda: vms.add(sdk.types.Cluster()),
        lambda: vms.vm_service("1").preview_snapshot(disks=sdk.types.Disk()),
        lambda: vms.add(),
    ):
        with pytest.raises(TypeError):
            wrong()


def test_bases_of_services(sdk):
    services = sdk.services
    for name, fact in SERVICES.items():
        base = fact.get("base")
        expected = getattr(services, base) if base else sdk.service.Service
        assert getattr(services, name).__bases__ == (expected,)


# Errors.


def test_errors_are_related_to_each_other_only(sdk):
    for name in ("AuthError", "ConnectionError", "NotFoundError", "TimeoutError"):
        cls = getattr(sdk, name)
        assert cls.__bases__ == (sdk.Error,)
        assert cls.__module__ == "ovirtsdk4"
    assert not issubclass(sdk.ConnectionError, OSError)
    error = sdk.NotFoundError("text")
    assert (error.args, error.code, error.fault, str(error)) == (("text",), None, None, "text")


def test_http_messages_are_plain_holders(sdk):
    request, response = sdk.http.Request(), sdk.http.Response()
    assert vars(request) == {
        "method": "GET",
        "path": "",
        "query": {},
        "headers": {},
        "body": None,
    }
    assert vars(response) == {"body": None, "code": None, "headers": {}, "message": None}
