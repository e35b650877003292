"""How VMs come into being, are copied, exported, registered and removed."""

from __future__ import annotations

import json
import re

import pytest

NEW = (
    "<vm><name>new</name><cluster><name>mycluster</name></cluster>"
    "<template><name>mytemplate</name></template>{}</vm>"
)


def test_point_49_a_vm_of_a_template_has_copies_of_its_disks(ask, added, passes, listed):
    vm = added("/vms", NEW.format(""))
    assert passes(vm) == ["image_locked", "down"]
    (attachment,) = listed(ask.get(f"{vm}/diskattachments"))
    assert ask.value(attachment, "bootable") == "true"
    template = ask.first("/templates?search=name%3Dmytemplate")
    assert attachment.rpartition("/")[2] not in ask.get(f"{template}/diskattachments").body.decode()
    assert b"UserVmManager" in ask.get(f"{vm}/permissions?follow=role").body


@pytest.mark.parametrize(("wanted", "number"), [("true", 3), ("false", 1)])
def test_the_latest_version_when_asked_for(ask, added, wanted, number):
    more = f"<use_latest_template_version>{wanted}</use_latest_template_version>"
    vm = added("/vms", NEW.format(more))
    disks = ask.get(f"{vm}/diskattachments?follow=disk").body
    assert disks.count(b"<disk_attachment ") == 1
    template = re.findall(r'<template href="/ovirt-engine/api([^"]+)"', ask.get(vm).body.decode())
    assert ask.value(template[0], "version_number") == str(number)


def test_disks_of_the_template_go_where_the_body_says(ask, added, listed, named):
    template = ask.first("/templates?search=name%3Dmytemplate")
    (disk,) = re.findall(r'<disk href="[^"]*" id="([^"]*)"', ask.get(
        f"{template}/diskattachments").body.decode())  # fmt: skip
    wish = (
        f"<disk_attachments><disk_attachment><disk id='{disk}'><name>renamed</name>"
        "<storage_domains><storage_domain><name>seconddata</name></storage_domain>"
        "</storage_domains></disk></disk_attachment></disk_attachments>"
    )
    added("/vms", NEW.format(wish))
    new = named("/disks", "renamed")
    assert named("/storagedomains", "seconddata")[16:].encode() in ask.get(new).body


def test_single_sign_on_is_inherited(ask, added, passes):
    vm = added("/vms", NEW.format(""))
    assert passes(vm)[-1] == "down"
    assert b'<method id="guest_agent"' in ask.get(vm).body
    template = added("/templates", f'<template><name>t</name><vm id="{vm[-36:]}"/></template>')
    assert b'<method id="guest_agent"' in ask.get(template).body


def test_a_password_comes_back_masked(ask, added):
    more = "<initialization><root_password>secret</root_password></initialization>"
    vm = added("/vms", NEW.format(more))
    assert b"secret" not in ask.get(vm).body
    assert b"<root_password>******</root_password>" in ask.get(vm).body


def test_all_content_has_the_ovf(ask, named, added):
    vm = named("/vms", "myvm")
    assert b"<configuration>" not in ask.get(vm).body
    for answer in (ask.get(f"{vm}?all_content=true"), ask.get(vm, all_content="true")):
        assert b"&lt;ovf:Envelope" in answer.body
        assert b"mydisk" in answer.body


def test_a_vm_is_made_of_an_ovf(ask, added):
    text = "&lt;a&gt;&lt;Name&gt;fromovf&lt;/Name&gt;&lt;MemoryMb&gt;512&lt;/MemoryMb&gt;&lt;/a&gt;"
    inside = f"<configuration><type>ovf</type><data>{text}</data></configuration>"
    body = (
        "<vm><cluster><name>mycluster</name></cluster>"
        f"<initialization>{inside}</initialization></vm>"
    )
    vm = added("/vms", body)
    assert ask.value(vm, "name") == "fromovf"
    assert ask.value(vm, "memory") == str(512 * 2**20)


def test_a_clone_has_its_own_addresses_and_disks(ask, act, passes, named, listed):
    vm = named("/vms", "myvm")
    act(vm, "clone", "<vm><name>myclonedvm</name></vm>")
    clone = named("/vms", "myclonedvm")
    assert passes(clone) == ["image_locked", "down"]
    assert ask.value(f"{clone}/nics", "address") != ask.value(f"{vm}/nics", "address")
    disks = [listed(ask.get(f"{one}/diskattachments")) for one in (vm, clone)]
    assert [len(one) for one in disks] == [1, 1]
    assert disks[0][0][-36:] != disks[1][0][-36:]
    assert ask("POST", f"{vm}/clone", "<action/>").status == 400
    again = "<action><vm><name>myclonedvm</name></vm></action>"
    assert ask("POST", f"{vm}/clone", again).status == 409


def test_removing_a_vm_takes_its_disks_and_memberships(ask, named, listed):
    label = ask.first("/affinitylabels")
    disk = named("/disks", "mydisk")
    assert ask("DELETE", named("/vms", "myvm")).status == 200
    assert ask.get(disk).status == 404
    assert listed(ask.get(f"{label}/vms")) == []


def test_export_and_import(ask, act, passes, named, names, domain):
    vm, export = named("/vms", "doomedvm"), named("/storagedomains", "myexport")
    act(vm, "export", domain("myexport"))
    assert passes(vm) == ["image_locked", "down"]
    assert names(f"{export}/vms") == ["exported-before", "doomedvm"]
    again = f"<action>{domain('myexport')}</action>"
    assert ask("POST", f"{vm}/export", again).status == 409
    lying = [one for one in ask.get(f"{export}/vms").body.decode().split("<vm ") if "doomed" in one]
    (path,) = re.findall(r'^href="/ovirt-engine/api([^"]*)"', lying[0])
    where = f"{domain()}<cluster><name>mycluster</name></cluster>"
    assert ask("POST", f"{path}/import", f"<action>{where}</action>").status == 409
    act(path, "import", f"{where}<vm><name>imported</name></vm>")
    new = named("/vms", "imported")
    assert passes(new)[-1] == "down"
    assert len(ask.get(f"{new}/diskattachments").body) > 200


def test_an_unregistered_vm_is_registered_and_gone_from_there(ask, act, named, names):
    mysd = named("/storagedomains", "mysd")
    lying = ask.first(f"{mysd}/vms?unregistered=true")
    assert ask("POST", f"{lying}/register", "<action/>").status == 400
    act(lying, "register", "<cluster><name>mycluster</name></cluster><vm><name>back</name></vm>")
    assert names(f"{mysd}/vms?unregistered=true") == []
    assert names(f"{mysd}/vms") == ["back"]
    assert named("/vms", "back")


def test_a_file_on_a_host(ask, act, named):
    vm = named("/vms", "myvm")
    host = named("/hosts", "myhost")[7:]
    act(vm, "export", f"<host id='{host}'/><directory>/tmp</directory><filename>x.ova</filename>")
    assert ask("POST", f"{vm}/start", "<action/>").status == 409
    ask.engine.clock.advance(10)
    act(vm, "start")


def test_a_ticket_is_a_password_for_the_display(ask, act, named):
    vm = named("/vms", "myvm-up")
    assert b"<value>" in act(vm, "ticket").body
    given = act(vm, "ticket", "<ticket><value>secret</value><expiry>10</expiry></ticket>").body
    assert b"<value>secret</value>" in given
    assert b"<expiry>10</expiry>" in given


def test_point_33_bodies_can_be_json(ask, named):
    body = {
        "name": "fromjson",
        "cluster": {"name": "mycluster"},
        "template": {"name": "Blank"},
        "memory": "1073741824",
        "start_paused": False,
        "custom_properties": {"custom_property": [{"name": "a", "value": "b"}]},
    }
    answer = ask("POST", "/vms", json.dumps(body), content_type="application/json")
    assert answer.status == 201, answer.body
    assert ask.value(named("/vms", "fromjson"), "memory") == "1073741824"


@pytest.mark.parametrize("body", ["[]", "{", '"x"', '{"nope": 1}', '{"name": {"a": 1}}', "{}" * 3])
def test_json_that_makes_no_sense_is_400(ask, body):
    assert ask("POST", "/vms", body, content_type="application/json").status == 400


def test_point_36_a_malformed_uuid_in_a_body_is_400(ask):
    body = (
        NEW.format("")
        .replace("<name>mycluster</name>", "")
        .replace("<cluster>", "<cluster id='xyz'>")
    )
    answer = ask("POST", "/vms", body)
    assert answer.status == 400
    assert b"Invalid UUID string: xyz" in answer.body
    assert b"<reason>Operation failed</reason>" in answer.body
    assert ask.get("/vms/xyz").status == 404


def test_point_21_x_ovirt_expect_blocks(ask):
    answer = ask("POST", "/vms", NEW.format(""), x_ovirt_expect="201-created")
    assert answer.again() is None
    ask.engine.clock.advance(20)
    done = answer.again()
    assert done.status == 201
    assert b"<status>down</status>" in done.body
    assert done.header("correlation-id")


def test_point_31_removal_can_answer_nothing(ask, named):
    answer = ask("DELETE", f"{named('/vms', 'doomedvm')}?async=true")
    assert (answer.status, answer.body) == (202, b"")
    assert ask.get("/vms?search=name%3Ddoomedvm").body.rstrip().endswith(b"<vms/>")


def test_a_vm_of_another_hypervisor(ask, named, refused):
    inside = "<name>other</name><vm><name>imported</name></vm><url>vpx://x</url>"
    body = f"<external_vm_import>{inside}{{}}</external_vm_import>"
    assert refused("POST", "/externalvmimports", body.format(""))[0] == 400
    cluster = "<cluster><name>mycluster</name></cluster><password>pw17</password>"
    answer = ask("POST", "/externalvmimports", body.format(cluster))
    assert answer.status == 202
    assert b"pw17" not in answer.body
    assert ask.value(named("/vms", "imported"), "status") == "image_locked"


SOCKETS = "<cpu><topology><sockets>8</sockets><cores>1</cores><threads>1</threads></topology></cpu>"
CORES = "<cpu><topology><cores>4</cores></topology></cpu>"


@pytest.mark.parametrize(
    ("query", "change", "element", "waits"),
    [
        ("", CORES, "cores", True),
        ("", "<cpu><topology><sockets>4</sockets></topology></cpu>", "sockets", False),
        ("", "<cpu><topology><sockets>1</sockets></topology></cpu>", "sockets", True),
        ("", SOCKETS, "sockets", False),
        ("", "<memory>68719476736</memory>", "memory", False),
        ("", "<memory>1073741824</memory>", "memory", True),
        ("", "<time_zone><name>Asia/Tokyo</name></time_zone>", "name", False),
        ("", "<type>desktop</type>", "type", True),
        ("?next_run=true", "<memory>68719476736</memory>", "memory", True),
        ("?next_run=true", "<comment>now</comment>", "comment", False),
    ],
)
def test_what_a_running_vm_cannot_take_waits(ask, act, named, query, change, element, waits):
    vm = named("/vms", "myvm-up")
    wanted = re.findall(">([^<>]+)<", change)[0]
    before = ask.value(vm, element)
    assert ask("PUT", vm + query, f"<vm>{change}</vm>").status == 200
    assert ask.value(vm, "next_run_configuration_exists") == ("true" if waits else "false")
    if waits:
        assert ask.value(vm, element) == before != wanted
        assert f">{wanted}</{element}>" in ask.get(f"{vm}?next_run=true").body.decode()
        assert f">{wanted}</{element}>" not in ask.get(vm).body.decode()
    act(vm, "stop")
    ask.engine.clock.advance(5)
    assert f">{wanted}</{element}>" in ask.get(vm).body.decode()
    assert ask.value(vm, "next_run_configuration_exists") == "false"


def test_several_changes_wait_together(ask, act, named):
    vm = named("/vms", "myvm-up")
    ask("PUT", vm, f"<vm>{CORES}</vm>")
    ask("PUT", vm, "<vm><type>desktop</type></vm>")
    listed = ask.get("/vms?next_run=true&search=name%3Dmyvm-up").body
    assert b"<cores>4</cores>" in listed
    assert b"<type>desktop</type>" in listed
    act(vm, "reboot")
    assert ask.value(vm, "status") == "powering_down"
    ask.engine.clock.advance(20)
    assert ask.value(vm, "status") == "up"
    assert ask.value(vm, "cores") == "4"


def test_all_content_has_the_document_in_lists_too(ask):
    for path in ("/vms?all_content=true", "/vms"):
        header = "true" if path == "/vms" else "false"
        answer = ask.get(path, all_content=header).body
        assert answer.count(b"&lt;ovf:Envelope") == ask.get("/vms").body.count(b"<vm ")
    assert b"Envelope" not in ask.get("/vms?all_content=false", all_content="true").body
    assert b"Envelope" not in ask.get("/vms").body


def new_vm(more):
    inside = "<name>newvm</name><cluster><name>mycluster</name></cluster>"
    return f"<vm>{inside}<template><name>Blank</name></template>{more}</vm>"


def test_a_vm_is_as_its_instance_type_and_its_body_say(ask, added, refused):
    kind = ask.first("/instancetypes?search=name%3DLarge")
    inside = f'<instance_type id="{kind.rpartition("/")[2]}"/>'
    vm = added("/vms", new_vm(inside + "<cpu><topology><sockets>3</sockets></topology></cpu>"))
    assert ask.value(vm, "memory") == str(8 * 2**30)
    assert ask.value(vm, "cores") == "2"
    assert ask.value(vm, "sockets") == "3"
    assert ask.value(vm, "architecture") == "x86_64"
    assert refused("DELETE", kind)[0] == 409
    unknown = '<instance_type id="00000000-0000-0000-0000-0000000000ff"/>'
    status, text = refused("POST", "/vms", new_vm(unknown).replace("newvm", "other"))
    assert (status, "InstanceType" in text) == (404, True)


@pytest.mark.parametrize("memory", [2**29, 2**36])
def test_the_memory_policy_fits_the_memory(ask, added, memory):
    vm = added("/vms", new_vm(f"<memory>{memory}</memory>"))
    assert int(ask.value(vm, "guaranteed")) <= memory <= int(ask.value(vm, "max"))


def test_a_stopped_vm_is_locked_while_it_is_exported(ask, act, named, passes):
    body = "<host><name>myhost</name></host><directory>/x</directory><filename>a.ova</filename>"
    vm = named("/vms", "myvm")
    act(vm, "export", body)
    assert passes(vm) == ["image_locked", "down"]
    running = named("/vms", "myvm-up")
    act(running, "export", body)
    assert passes(running) == ["up"]


def test_a_pool_has_vms_that_wait_for_users(ask, added, listed):
    inside = "<name>p</name><cluster><name>mycluster</name></cluster>"
    inside += "<template><name>Blank</name></template><size>3</size>"
    added("/vmpools", f"<vm_pool>{inside}<prestarted_vms>2</prestarted_vms></vm_pool>")
    ask.engine.clock.advance(30)
    assert len(listed(ask.get("/vms?search=pool%3Dp+and+status%3Dup"))) == 2
