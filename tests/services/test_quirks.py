"""The quirks of services, requests and answers, one test each, under their numbers.

The numbers are those of the notes that came with the facts; those of reading and writing XML are
in `tests/codec/test_quirks.py`. 63 and 64 say what engines ignore, which is nothing to a client.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from scripted_engine import ScriptedEngine, reply

import trivirt.services
from trivirt import codec, errors
from trivirt.errors import UsageError
from trivirt.model import Items
from trivirt.types import (
    DiskAttachment,
    GlusterBrick,
    Host,
    OpenStackImage,
    OpenstackVolumeAuthenticationKey,
    Vm,
)

API = "/ovirt-engine/api"


def place(name: str, path: str = "/here") -> Any:
    """A service whose operations give the Call itself."""
    return getattr(trivirt.services, name)(lambda call: call, path)


def test_quirk_5_names_of_classes() -> None:
    assert trivirt.services.OpenstackImageService
    assert (OpenStackImage.element, OpenStackImage.plural) == (
        "openstack_image",
        "openstack_images",
    )
    assert OpenstackVolumeAuthenticationKey.element == "openstack_volume_authentication_key"


def test_quirk_8_segments_have_no_underscores() -> None:
    call = place("VmService").disk_attachments.list(follow="disk.storage_domains")
    assert call.path == "/here/diskattachments"
    assert call.query == (("follow", "disk.storage_domains"),)


def test_quirk_9_a_host_by_id_or_name() -> None:
    assert place("AffinityGroupHostsService").host(id_or_name="h1")._path == "/here/h1"


@pytest.mark.parametrize(
    "name",
    [
        "OpenstackImageService",
        "ImageService",
        "OpenstackNetworkService",
        "StorageDomainVmService",
        "StorageDomainTemplateService",
    ],
)
def test_quirk_10_import(name: str) -> None:
    assert place(name).import_().path == "/here/import"


def test_quirk_11_variants_use_the_segment_of_their_action() -> None:
    assert place("HostService").install_using_ssh().path == "/here/install"
    assert place("VmService").export_to_path_on_host().path == "/here/export"


def test_quirk_12_the_name_of_a_body_says_nothing() -> None:
    call = place("DiskAttachmentsService").add(attachment=DiskAttachment(id="1"))
    assert codec.encode(call.body) == b'<disk_attachment id="1"/>'


def test_quirk_36_bricks_are_added_as_a_list() -> None:
    """Bettered: the old client cannot send one."""
    call = place("GlusterBricksService").add(Items([GlusterBrick(brick_dir="/d")]))
    assert codec.encode(call.body) == b"<bricks><brick><brick_dir>/d</brick_dir></brick></bricks>"
    assert call.expect == "bricks"


async def test_quirk_39_headers_that_are_always_sent(
    open_scripted: Any, scripted: ScriptedEngine
) -> None:
    """Bettered: a request without a body has no content type."""
    scripted.answers[f"GET {API}/vms/1"] = reply("<vm/>")
    scripted.answers[f"POST {API}/vms/1/start"] = reply("<action/>")
    async with open_scripted() as engine:
        await engine.vms.vm("1").get(headers={"X-A": "b", "X-None": None})
        await engine.vms.vm("1").start()
    get, post = scripted.heads[1:3]
    for head in (get, post):
        for line in ("Version: 4", "Accept: application/xml", "Authorization: Bearer token-1"):
            assert f"{line}\r\n" in head
        assert re.search(r"User-Agent: trivirt/", head)
    assert "Content-Type: application/xml\r\n" in post
    assert "Content-Type" not in get
    assert "X-A: b\r\n" in get
    assert "X-None" not in get


def test_quirk_40_all_content_is_a_header_as_well() -> None:
    call = place("VmService").get(all_content=True, filter=True)
    assert call.headers == (("All-Content", "true"),)
    assert call.query == (("all_content", "true"), ("filter", "true"))


def test_quirk_41_correlation() -> None:
    vm = place("VmService")
    assert vm.start(query={"correlation_id": "a-1"}).query == (("correlation_id", "a-1"),)
    assert vm.start(headers={"Correlation-Id": "a-1"}).headers == (("Correlation-Id", "a-1"),)


def test_quirk_42_async() -> None:
    """`async_` only: `async` cannot be written in Python, and what nobody reads is refused."""
    vm = place("VmService")
    assert codec.encode(vm.start(async_=True).body) == b"<action><async>true</async></action>"
    assert vm.remove(async_=True).query == (("async", "true"),)
    assert vm.update(Vm(), async_=False).query == (("async", "false"),)
    with pytest.raises(TypeError, match="async"):
        vm.start(**{"async": True})


def test_quirk_43_query_parameters() -> None:
    call = place("EventsService").list(
        max=5, search="severity=error", case_sensitive=True, from_=7, follow="vm,host"
    )
    assert call.query == (
        ("case_sensitive", "true"),
        ("follow", "vm,host"),
        ("from", "7"),
        ("max", "5"),
        ("search", "severity=error"),
    )


async def test_quirk_44_form_encoding(open_scripted: Any, scripted: ScriptedEngine) -> None:
    scripted.answers[f"GET {API}/vms?max=1&search=name%3Da+b%2Bc%26d%C3%BC"] = reply("<vms/>")
    async with open_scripted() as engine:
        assert await engine.vms.list(search="name=a b+c&dü", max=1) == []


def test_quirk_45_the_query_of_the_caller_is_not_changed() -> None:
    """Bettered: the old client adds its parameters to it."""
    query = {"search": "x"}
    place("VmsService").list(query=query, search="y")
    assert query == {"search": "x"}


def test_quirk_46_ids_are_encoded() -> None:
    """Bettered: with the old client `12/3` becomes two segments."""
    assert place("VmsService", "/vms").vm("12/3")._path == "/vms/12%2F3"


def test_quirk_47_unknown_keywords_are_refused() -> None:
    """Bettered: the old client ignores them."""
    with pytest.raises(TypeError, match="serach"):
        place("VmsService").list(serach="x")


def test_quirk_48_statuses_of_success() -> None:
    """Bettered: an engine that removes in the background may say so with 202 or 204."""
    vms, vm = place("VmsService"), place("VmService")
    assert vms.list().ok == vm.get().ok == vm.update(Vm()).ok == {200}
    assert vms.add(Vm()).ok == vm.start().ok == {200, 201, 202}
    assert vm.remove().ok == {200, 202, 204}


def test_quirk_49_bricks_are_removed_by_a_body() -> None:
    """Bettered: the old client puts the objects in the query."""
    call = place("GlusterBricksService").remove(
        bricks=Items([GlusterBrick(id="1")]), replica_count=2
    )
    assert (call.method, call.query) == ("DELETE", (("replica_count", "2"),))
    assert codec.encode(call.body) == b'<action><bricks><brick id="1"/></bricks></action>'


def test_quirk_50_a_host_that_is_a_text() -> None:
    for name in ("StorageDomainService", "StorageServerConnectionService"):
        assert place(name).remove(host="h1").query == (("host", "h1"),)
    call = place("HostService").commit_net_config()
    assert call.body is not None
    call = place("VmService").migrate(host=Host(id="h1"))
    assert codec.encode(call.body) == b'<action><host id="h1"/></action>'


def test_quirk_51_actions_always_have_a_body() -> None:
    assert codec.encode(place("VmService").stop().body) == b"<action/>"


@pytest.mark.parametrize("name", ["CopyableService", "VmDisksService", "TemplateDiskService"])
def test_quirk_52_services_that_nothing_leads_to(name: str) -> None:
    assert place(name)


def test_quirk_53_walking_along_a_path() -> None:
    root = place("SystemService", "")
    assert root.service("") is root
    assert root.service("vms/123/nics/")._path == "/vms/123/nics"
    assert root.service("vms/a b")._path == "/vms/a%20b"
    # A name goes before an id.
    assert type(root.service("vms/123/diskattachments")).__name__ == "DiskAttachmentsService"
    with pytest.raises(UsageError):
        root.service("nothing/here")


async def test_quirk_54_remove_gives_nothing(open_scripted: Any, scripted: ScriptedEngine) -> None:
    """Bettered: `soon` gives a future for it like for everything else."""
    scripted.answers[f"DELETE {API}/vms/1"] = reply("<action><status>complete</status></action>")
    async with open_scripted() as engine:
        assert await engine.vms.vm("1").remove() is None
        assert await engine.soon.vms.vm("1").remove().wait() is None


async def test_quirk_55_an_action_gives_one_member(
    open_scripted: Any, scripted: ScriptedEngine
) -> None:
    scripted.answers[f"POST {API}/vms/1/ticket"] = reply(
        "<action><status>complete</status><ticket><value>t</value></ticket></action>"
    )
    async with open_scripted() as engine:
        assert (await engine.vms.vm("1").ticket()).value == "t"


async def test_quirk_56_an_action_can_fail_with_status_200(
    open_scripted: Any, scripted: ScriptedEngine
) -> None:
    scripted.answers[f"POST {API}/vms/1/start"] = reply(
        "<action><fault><reason>no</reason><detail>it runs</detail></fault></action>"
    )
    async with open_scripted() as engine:
        with pytest.raises(errors.Fault, match="no: it runs"):
            await engine.vms.vm("1").start()


async def test_quirk_57_a_fault_with_status_200(
    open_scripted: Any, scripted: ScriptedEngine
) -> None:
    """Bettered: it is raised, where the old client returns it as if it were the result."""
    scripted.answers[f"GET {API}/vms"] = reply("<fault><reason>no</reason></fault>")
    async with open_scripted() as engine:
        with pytest.raises(errors.Fault, match="no"):
            await engine.vms.list()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("403 Forbidden", errors.Forbidden),
        ("404 Not Found", errors.NotFound),
        ("409 Conflict", errors.Conflict),
        ("500 Internal Server Error", errors.Fault),
    ],
)
async def test_quirk_58_exceptions(
    open_scripted: Any, scripted: ScriptedEngine, status: str, error: type[errors.Fault]
) -> None:
    fault = "<fault><reason>r</reason><detail>d</detail></fault>"
    scripted.answers[f"GET {API}/vms/1"] = reply(fault, status=status)
    scripted.answers[f"GET {API}/vms/2"] = reply("", status=status, headers=[])
    async with open_scripted() as engine:
        with pytest.raises(error) as caught:
            await engine.vms.vm("1").get()
        assert (caught.value.code, caught.value.reason, caught.value.detail) == (
            int(status[:3]),
            "r",
            "d",
        )
        with pytest.raises(error) as caught:
            await engine.vms.vm("2").get()
        assert (caught.value.code, caught.value.reason) == (int(status[:3]), None)


async def test_quirk_59_a_new_token_after_401(open_scripted: Any, scripted: ScriptedEngine) -> None:
    scripted.answers[f"GET {API}/vms/1"] = lambda: (
        reply("<vm id='1'/>")
        if "token-2" in scripted.heads[-1]
        else reply("", status="401 Unauthorized", headers=["Content-Type: text/html"])
    )
    async with open_scripted() as engine:
        assert (await engine.vms.vm("1").get()).id == "1"
    assert scripted.logins == 2


async def test_quirk_60_signing_on_and_off(open_scripted: Any, scripted: ScriptedEngine) -> None:
    async with open_scripted():
        pass
    (form,) = scripted.forms
    assert form["grant_type"] == ["password"]
    assert form["scope"] == ["ovirt-app-api"]
    assert scripted.logouts == ["token-1"]


def test_quirk_61_pages_are_part_of_the_search() -> None:
    """What `iterate` does with it is in `tests/model/test_pages.py`."""
    call = place("VmsService").list(search="page 2", max=10)
    assert call.query == (("max", "10"), ("search", "page 2"))


async def test_quirk_62_hrefs_are_followed(open_scripted: Any, scripted: ScriptedEngine) -> None:
    scripted.answers[f"GET {API}/vms/1"] = reply("<vm id='1'/>")
    async with open_scripted() as engine:
        assert (await engine.follow(Vm(href=f"{API}/vms/1"))).id == "1"
