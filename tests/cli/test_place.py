from __future__ import annotations

import click
import pytest

from trivirt import services
from trivirt.cli._place import PathArgument, Place, find_place
from trivirt.model import Service
from trivirt.model._struct import Struct


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("vms", "/vms"),
        ("/vms/", "/vms"),
        ("vms/12/nics", "/vms/12/nics"),
        ("vms/12/disk_attachments", "/vms/12/diskattachments"),
        ("/ovirt-engine/api/vms/12", "/vms/12"),
        ("/ovirt-engine/api", "/"),
        ("https://engine.example.com/ovirt-engine/api/v4/hosts/1/nics", "/hosts/1/nics"),
        ("", "/"),
        ("/", "/"),
    ],
)
def test_a_path_leads_to_a_place(path, there):
    assert str(find_place(path)) == there


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("vmz", "there is no 'vmz' in /; did you mean vms?"),
        ("storage_domain", "did you mean storagedomains"),
        ("VMs/1/nic", "there is no 'VMs' in /; did you mean vms"),
        ("vms/1/nic", "there is no 'nic' in /vms/1; did you mean nics?"),
        ("vms/1/nics/2/xyzzy", "there is no 'xyzzy' in /vms/1/nics/2, but "),
        ("vms/1/tags/2/xyzzy", "there is no 'xyzzy' in /vms/1/tags/2, which has nothing below"),
        ("xyzzy", "there is no 'xyzzy' in /, but affinitylabels, "),
    ],
)
def test_a_path_that_leads_nowhere_names_what_is_near(path, words):
    with pytest.raises(click.BadParameter) as caught:
        find_place(path)
    assert words in str(caught.value)


def test_a_place_knows_its_call():
    assert str(find_place("vms/12/nics").call()) == "GET /vms/12/nics"
    call = find_place("vms").call(search="name=x", max=3)
    assert call.query == (("max", "3"), ("search", "name=x"))
    assert find_place("vms/12").call().kind == "get"
    assert str(find_place("/").call()) == "GET /"


def test_what_a_list_takes():
    assert find_place("vms").takes("search")
    assert not find_place("tags").takes("search")
    assert not find_place("vms/1").takes("search")


READABLE = [
    kind
    for name in services.__all__
    if isinstance(kind := getattr(services, name), type)
    and issubclass(kind, Service)
    and (hasattr(kind, "list") or hasattr(kind, "get"))
]


@pytest.mark.parametrize("kind", READABLE, ids=lambda kind: kind.__name__)
def test_every_place_knows_what_is_there(kind):
    place = Place(kind(lambda call: call, "/here"))
    assert place.readable
    assert issubclass(place.item_type, Struct)
    assert place.call().path == "/here"


def test_a_place_where_nothing_is_to_be_read():
    """Options are known by their names only; the engine has no list of them."""
    assert not find_place("options").readable
    assert find_place("options/SomeOption").readable


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("vm", ["vmpools", "vms"]),
        ("vms/", []),
        ("vms/12/nic", ["vms/12/nics"]),
        ("/vms/12/nu", ["/vms/12/numanodes"]),
        ("xyzzy/a", []),
    ],
)
def test_a_shell_completes_names(begun, found):
    items = PathArgument().shell_complete(None, None, begun)
    assert [item.value for item in items] == found
