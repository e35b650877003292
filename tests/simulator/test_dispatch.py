from __future__ import annotations

import gzip
import json
import re
import xml.etree.ElementTree
from datetime import datetime

import pytest

from trivirt import codec
from trivirt.simulator import SimulatedEngine
from trivirt.simulator._routes import ROOT, SERVICES

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def fault(answer):
    root = xml.etree.ElementTree.fromstring(answer.body)
    return root.findtext(".//reason"), root.findtext(".//detail")


# Parameters.


def test_point_12_matrix_parameters_work_and_the_query_wins(ask, listed):
    assert len(listed(ask.get("/vms;max=3"))) == 3
    assert len(listed(ask.get("/vms;max=3?max=5"))) == 5
    assert len(listed(ask.get("/vms;case_sensitive=true;max=3?search=name%3DWEB*"))) == 0


def test_point_13_what_is_unknown_or_malformed_is_ignored(ask, listed):
    assert len(listed(ask.get("/vms?nonsense=1&max=x&case_sensitive=perhaps"))) == 20


def test_point_14_max_cuts(ask, listed):
    assert len(listed(ask.get("/vms?max=7"))) == 7
    assert len(listed(ask.get("/vms"))) == 20
    assert ask.get("/vms?max=0").body.endswith(b"\n<vms/>\n")
    vm = ask.first("/vms?search=tag%3Dproduction")
    assert len(listed(ask.get(f"{vm}/statistics?max=2"))) == 2


# Correlation, versions, formats.


@pytest.mark.parametrize(
    ("given", "echoed"),
    [("my-run_17", "my-run_17"), ("a b/c<d>", "abcd"), ("x" * 50, "x" * 36)],
)
def test_point_19_the_correlation_id_is_filtered_cut_and_echoed(ask, given, echoed):
    assert ask.get("/tags", correlation_id=given).header("correlation-id") == echoed


def test_point_19_it_may_be_in_the_query_and_is_made_when_absent(ask):
    assert ask.get("/tags?correlation_id=here").header("correlation-id") == "here"
    first, second = (ask.get("/tags").header("correlation-id") for _ in range(2))
    assert first != second
    assert UUID.fullmatch(first)


def test_point_20_versions(ask):
    refused = ask.get("/tags", version="9")
    assert refused.status == 400
    assert refused.header("content-type") == "text/html;charset=UTF-8"
    assert ask.get("/tags", version="4").status == 200
    assert ask.get("/v4/tags").body == ask.get("/tags").body


def test_point_21_expect_has_no_effect(ask):
    answer = ask("POST", "/tags", "<tag><name>a</name></tag>", expect="202-accepted")
    assert answer.status == 201


@pytest.mark.parametrize(
    "body",
    [
        "<vm><nonsense/></vm>",
        "<vm><id>x</id></vm>",
        "<vm><cpu><topology><core>1</core></topology></cpu></vm>",
        "<host><name>x</name></host>",
        "<vm><name>x</vm>",
        "nonsense",
        "<vm><memory>much</memory></vm>",
    ],
)
def test_point_22_a_body_that_the_schema_does_not_have(ask, body):
    answer = ask("POST", "/vms", body)
    assert answer.status == 400
    reason, detail = fault(answer)
    assert reason == "Request syntactically incorrect."
    assert detail.endswith("#services/vms/methods/add")


def test_entities_in_a_body_are_not_resolved(ask):
    body = '<!DOCTYPE tag [<!ENTITY e SYSTEM "file:///etc/hostname">]><tag><name>a&e;b</name></tag>'
    answer = ask("POST", "/tags", body)
    assert answer.status in (201, 400)
    names = re.findall(rb"<name>(.*?)</name>", ask.get("/tags").body)
    assert not [name for name in names if name.startswith(b"a") and len(name) > 2]


def test_point_23_put_merges(ask):
    vm = ask.first("/vms?search=status%3Ddown")
    memory = ask.value(vm, "memory")
    change = (
        "<vm><description>new</description><cpu><topology><cores>8</cores></topology></cpu></vm>"
    )
    answer = ask("PUT", vm, change)
    assert answer.status == 200
    assert b"<cores>8</cores>" in answer.body
    assert ask.get(vm).body == answer.body
    assert ask.value(vm, "description") == "new"
    assert ask.value(vm, "memory") == memory
    assert ask.value(vm, "sockets") is not None
    ask("PUT", vm, "<vm><description></description></vm>")
    assert ask.value(vm, "description") == ""


def test_point_24_other_formats_are_refused(ask):
    body = "<tag><name>x</name></tag>"
    assert ask("POST", "/tags", body, content_type="text/plain").status == 415
    bearer = f"Bearer {ask.token}"
    assert ask.send("POST", "/ovirt-engine/api/tags", body, authorization=bearer).status == 415
    assert ask.get("/tags", accept="text/plain").status == 406


def test_point_25_gzip_only_when_asked(ask):
    plain, zipped = ask.get("/tags"), ask.get("/tags", accept_encoding="gzip, deflate")
    assert plain.header("content-encoding") is None
    assert zipped.header("content-encoding") == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert ask.get("/vms/x", accept_encoding="gzip").body == b""


# Success.


def test_point_27_collections_have_no_attributes(ask):
    lines = ask.get("/vms").body.decode().split("\n")
    assert lines[0] == '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    assert lines[1] == "<vms>"
    assert lines[-2:] == ["</vms>", ""]
    vm = ask.first("/vms")
    assert ask.get(f"{vm}/watchdogs").body.decode().split("\n")[1:] == ["<watchdogs/>", ""]


def test_point_31_add_update_remove(ask):
    added = ask("POST", "/tags", "<tag><name>new</name></tag>", host="engine.example")
    assert added.status == 201
    root = xml.etree.ElementTree.fromstring(added.body)
    assert added.header("location") == f"https://engine.example{root.get('href')}"
    path = root.get("href").removeprefix("/ovirt-engine/api")
    assert ask("PUT", path, "<tag><description>d</description></tag>").status == 200
    assert ask.value(path, "description") == "d"
    removed = ask("DELETE", path)
    assert removed.status == 200
    assert xml.etree.ElementTree.fromstring(removed.body).findtext("status") == "complete"
    assert ask.get(path).status == 404


def test_point_33_json(ask):
    answer = ask.get("/vms?max=1", accept="application/json")
    assert answer.header("content-type") == "application/json"
    (vm,) = json.loads(answer.body)["vm"]
    assert int(vm["memory"]) > 2**30
    assert vm["delete_protected"] == "false"
    assert isinstance(vm["creation_time"], int)
    assert vm["os"]["boot"]["devices"] == {"device": ["hd"]}
    assert {"href", "rel"} == vm["link"][0].keys()
    assert "start" in {link["rel"] for link in vm["actions"]["link"]}
    one = json.loads(
        ask.get(vm["href"].removeprefix("/ovirt-engine/api"), accept="application/json").body
    )
    assert one == vm
    empty = ask.get("/vms?max=0", accept="application/json")
    assert json.loads(empty.body) == {}


def test_point_33_changes_and_refusals_are_answered_in_json(ask):
    def asked(method, path, body=""):
        both = {"accept": "application/json", "content_type": "application/json"}
        answer = ask(method, path, body, **both)
        assert answer.header("content-type") == "application/json"
        return answer.status, json.loads(answer.body)

    status, tag = asked("POST", "/tags", '{"name": "new"}')
    assert (status, tag["name"]) == (201, "new")
    status, changed = asked("PUT", f"/tags/{tag['id']}", '{"description": "changed"}')
    assert (status, changed["description"]) == (200, "changed")
    status, refusal = asked("POST", "/tags", '{"name": "new"}')
    assert (status, refusal["reason"]) == (409, "Operation Failed")
    vm = ask.first("/vms?search=status%3Ddown")
    status, action = asked("POST", f"{vm}/start", "{}")
    assert (status, action["status"]) == (200, "complete")
    status, action = asked("POST", f"{vm}/start", "{}")
    assert (status, action["status"]) == (409, "failed")
    assert action["fault"].keys() == {"reason", "detail"}
    assert asked("DELETE", f"/tags/{tag['id']}")[1]["status"] == "complete"
    root = asked("GET", "")[1]
    assert "vms" in {link["rel"] for link in root["link"]}
    assert root["summary"]["vms"]["total"] == "20"


def test_point_34_the_root(ask):
    answer = ask.get("", host="engine.example")
    root = xml.etree.ElementTree.fromstring(answer.body)
    rels = [link.get("rel") for link in root.findall("link")]
    assert {"vms", "vms/search", "events/search"} <= set(rels)
    assert root.findtext("product_info/version/full_version") == "4.5.6-1.el9"
    assert (
        root.find("special_objects/blank_template").get("id")
        == "0" * 8 + "-0000" * 3 + "-" + "0" * 12
    )
    assert root.findtext("summary/vms/total") == "20"
    assert int(root.findtext("summary/vms/active")) == 14
    assert root.find("authenticated_user").get("id")
    assert "<https://engine.example/ovirt-engine/api/vms>; rel=vms" in answer.header("link")
    assert ask("HEAD", "").header("link")


def test_point_29_dates_and_sizes(ask):
    vm = ask.first("/vms")
    text = ask.value(vm, "creation_time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", text)
    assert datetime.fromisoformat(text).year == 2023
    sizes = re.findall(rb"<provisioned_size>(\d+)<", ask.get("/disks").body)
    assert max(map(int, sizes)) > 2**32


def test_point_28_some_references_lack_href(ask):
    (quota,) = re.findall(rb"<quota [^>]*>", ask.get(ask.first("/vms")).body)
    assert b"href" not in quota
    assert b"<comment></comment>" in ask.get(ask.first("/vms")).body


def test_point_30_an_engine_newer_than_its_clients(ask):
    before = ask.get("/vms").body
    with ask.engine.newer():
        answer = ask.get("/vms")
        vms = xml.etree.ElementTree.fromstring(answer.body)
        assert {vm.findtext("status") for vm in vms} == {"levitating"}
        assert vms.find("vm").get("epoch") == "9"
        assert vms.find("vm/flux_capacitor/power") is not None
        assert len(codec.decode(answer.body)) == 20
        assert codec.decode(answer.body)[0].status == "levitating"
    assert ask.get("/vms").body == before


# Errors.


@pytest.mark.parametrize("path", ["/vms/x", "/vms/x/nics", "/vms/x/nics/y", "/vms/x/start"])
def test_point_35_a_missing_entity_is_404_with_nothing(ask, path):
    method = "POST" if path.endswith("start") else "GET"
    answer = ask(method, path)
    assert (answer.status, answer.body) == (404, b"")
    assert answer.header("content-type") is None
    assert answer.header("correlation-id")


def test_point_36_a_missing_path_is_404_with_a_page(ask):
    answer = ask.get("/nonsense")
    assert answer.status == 404
    assert answer.header("content-type") == "text/html;charset=UTF-8"
    assert ask.get(f"{ask.first('/vms')}/nonsense").header("content-type")


def test_point_37_a_conflict(ask, listed):
    name = ask.value("/clusters", "name")
    answer = ask("POST", "/clusters", f"<cluster><name>{name}</name></cluster>")
    assert answer.status == 409
    assert fault(answer)[1].startswith("[")
    vm = ask.first("/vms?search=status%3Dup")
    answer = ask("POST", f"{vm}/start", "<action/>")
    assert answer.status == 409
    root = xml.etree.ElementTree.fromstring(answer.body)
    assert root.tag == "action"
    assert root.findtext("status") == "failed"
    assert root.findtext("fault/detail") == "[Cannot run VM. VM is running.]"
    assert root.findtext("fault/reason") == "Operation Failed"


def test_point_38_a_missing_mandatory_attribute(ask):
    body = "<vm><cluster><name>Default</name></cluster><template><name>Blank</name></template></vm>"
    answer = ask("POST", "/vms", body)
    assert answer.status == 400
    assert fault(answer) == ("Incomplete parameters", "Vm [name] required for add")


def test_an_unknown_related_entity_is_404_with_a_fault(ask):
    body = "<vm><name>x</name><cluster><name>y</name></cluster><template id='0'/></vm>"
    answer = ask("POST", "/vms", body)
    assert answer.status == 404
    assert fault(answer)[1] == "Entity not found: Cluster: name=y"


def test_a_method_that_is_not_defined_is_405(ask):
    answer = ask("DELETE", "/vms")
    assert answer.status == 405
    assert answer.header("allow") == "GET, POST"
    assert ask("OPTIONS", "/vms").header("allow") == "GET, POST"


def test_what_is_in_use_is_not_removed(ask, listed):
    answer = ask("DELETE", ask.first("/clusters"))
    assert answer.status == 409
    assert listed(ask.get("/clusters"))


# Follow.


def test_point_18_follow_puts_linked_entities_inside(ask):
    answer = ask.get("/vms?follow=disk_attachments.disk,nics,cluster&max=2")
    for vm in xml.etree.ElementTree.fromstring(answer.body):
        (attachment, *_) = vm.findall("disk_attachments/disk_attachment")
        assert attachment.find("disk").get("href").startswith("/ovirt-engine/api/disks/")
        assert attachment.findtext("disk/provisioned_size")
        assert vm.findtext("nics/nic/mac/address")
        assert vm.findtext("cluster/name") == "Default"
        rels = [link.get("rel") for link in vm.findall("link")]
        assert rels.count("diskattachments") == 1


@pytest.mark.parametrize("names", ["diskattachments", "nonsense", "nics.nonsense", "name", "host"])
def test_point_18_an_unknown_name_is_500_with_a_page(ask, names):
    """`host` is known, but VMs that are down have none."""
    answer = ask.get(f"/vms?follow={names}")
    assert answer.status == 500
    assert answer.header("content-type").startswith("text/html")


def test_an_empty_collection_that_is_followed_is_an_empty_element(ask):
    answer = ask.get("/vms?follow=watchdogs&max=1")
    vm = xml.etree.ElementTree.fromstring(answer.body).find("vm")
    assert vm.find("watchdogs") is not None
    assert len(vm.find("watchdogs")) == 0


# Everything.


def paths():
    """Lists at the root and below a VM, a host, a cluster and so on."""
    for segment, name in SERVICES[ROOT].segments.items():
        service = SERVICES[name]
        if any(method.op == "list" for method in service.methods):
            yield f"/{segment}"
            if service.item:
                for below, inner in SERVICES[service.item].segments.items():
                    if any(method.op == "list" for method in SERVICES[inner].methods):
                        yield f"/{segment}/{{id}}/{below}"


@pytest.fixture(scope="module")
def quiet():
    return SimulatedEngine(vms=20)


@pytest.mark.parametrize("path", list(paths()))
def test_every_list_of_the_facts_answers(asker, quiet, listed, path):
    ask = asker(quiet)
    if "{id}" in path:
        home, _, below = path.partition("/{id}")
        owners = listed(ask.get(home))
        if not owners:
            missing = ask.get(f"{home}/nobody{below}")
            assert (missing.status, missing.body) == (404, b"")
            return
        path = owners[0] + below
    answer = ask.get(path)
    assert answer.status == 200, answer.body
    for href in listed(answer)[:2]:
        one = ask.get(href)
        assert one.status == 200, href
        found = xml.etree.ElementTree.fromstring(one.body)
        assert found.get("href").endswith(href)


def test_an_answer_is_made_again_when_what_it_shows_has_changed(ask, listed):
    vm = ask.first("/vms")
    before = {path: ask.get(path).body for path in ("/vms", vm, f"{vm}/nics")}
    assert {path: ask.get(path).body for path in before} == before
    ask("PUT", vm, "<vm><description>changed</description></vm>")
    assert ask.get("/vms").body != before["/vms"]
    assert ask.get(vm).body != before[vm]
    assert ask.get(f"{vm}/nics").body == before[f"{vm}/nics"]
    nic = ask.first(f"{vm}/nics")
    assert ask("DELETE", nic).status == 409
    ask("POST", f"{nic}/deactivate", "<action/>")
    assert ask("DELETE", nic).status == 200
    assert nic not in listed(ask.get(f"{vm}/nics"))


def test_what_belongs_to_a_removed_vm_is_gone_with_it(ask):
    vm = ask.first("/vms?search=status%3Ddown")
    nic = ask.first(f"{vm}/nics")
    disk = ask.get(f"{vm}/diskattachments").body.decode().split("/disks/")[1].split('"')[0]
    assert ask.get(nic).status == 200
    assert ask.get(f"/disks/{disk}").status == 200
    assert ask("DELETE", vm).status == 200
    for path in (vm, f"{vm}/nics", nic, f"/disks/{disk}"):
        assert ask.get(path).status == 404


def test_views_show_what_lives_elsewhere(ask, listed):
    data_center = ask.first("/datacenters")
    domains = ask.get(f"{data_center}/storagedomains")
    assert len(listed(domains)) == len(listed(ask.get("/storagedomains")))
    assert b"<status>active</status>" in domains.body
    assert b"<status>" not in ask.get("/storagedomains").body
    assert listed(ask.get(f"{data_center}/networks")) == listed(ask.get("/networks"))
    network = ask.first("/networks")
    assert len(listed(ask.get(f"{network}/vnicprofiles"))) == 1
    assert len(listed(ask.get(f"{ask.first('/clusters')}/networks"))) == 3


def test_disks_are_attached_by_their_id(ask, listed):
    vm = ask.first("/vms?search=status%3Ddown")
    assert ask("POST", f"{vm}/diskattachments", "<disk_attachment/>").status == 400
    disk = ask.first("/disks?search=alias%3Dgolden*").rpartition("/")[2]
    told = "<disk_attachment><interface>virtio</interface>{}</disk_attachment>"
    body = told.format(f"<disk id='{disk}'/>")
    answer = ask("POST", f"{vm}/diskattachments", body)
    assert answer.status == 201
    assert f"{vm}/diskattachments/{disk}" in listed(ask.get(f"{vm}/diskattachments"))
    assert f'href="/ovirt-engine/api/disks/{disk}"'.encode() in answer.body
    unknown = told.format("<disk id='00000000-0000-0000-0000-000000000000'/>")
    assert ask("POST", f"{vm}/diskattachments", unknown).status == 404


def test_events_can_be_added_and_dismissed(ask, listed):
    inside = "<origin>me</origin><custom_id>7</custom_id><severity>error</severity>"
    assert ask("POST", "/events", f"<event>{inside}</event>").status == 400
    inside += "<description>x</description>"
    body = f"<event>{inside}</event>"
    assert ask("POST", "/events", body.replace(">me<", ">oVirt<")).status == 409
    newest = int(ask.first("/events").rpartition("/")[2])
    answer = ask("POST", "/events", body)
    assert answer.status == 201
    assert ask("POST", "/events", body).status == 409
    assert ask.first("/events") == f"/events/{newest + 1}"
    assert ask.value(f"/events/{newest + 1}", "severity") == "error"
    assert ask("DELETE", f"/events/{newest + 1}").status == 200
    assert ask.first("/events") == f"/events/{newest}"


def test_an_entity_can_be_changed_where_it_is_only_shown(ask):
    shown = ask.first(f"{ask.first('/datacenters')}/clusters")
    assert ask("PUT", shown, "<cluster><comment>seen</comment></cluster>").status == 200
    assert ask.value("/clusters", "comment") == "seen"


def test_what_is_added_where_it_is_shown_lives_at_home(ask, listed):
    data_center = ask.first("/datacenters")
    before = len(listed(ask.get("/clusters")))
    answer = ask("POST", f"{data_center}/clusters", "<cluster><name>new</name></cluster>")
    assert answer.status == 201
    assert f'<data_center href="/ovirt-engine/api{data_center}"'.encode() in answer.body
    assert len(listed(ask.get("/clusters"))) == before + 1
    shown = listed(ask.get(f"{data_center}/clusters"))
    assert len(shown) == before + 1
    assert ask("DELETE", shown[-1]).status == 200
    assert len(listed(ask.get("/clusters"))) == before


def test_an_action_without_a_behaviour_is_complete(ask):
    answer = ask("POST", f"{ask.first('/hosts')}/refresh", "<action/>")
    assert answer.status == 200
    assert b"<status>complete</status>" in answer.body
    assert ask("POST", "/events/undelete").status == 200


def test_a_body_must_be_there(ask):
    assert ask("POST", "/tags").status == 400
    assert ask("PUT", ask.first("/vms")).status == 400


def test_names_are_needed_where_they_are_unique(ask):
    assert ask("POST", "/tags", "<tag><description>x</description></tag>").status == 400


def test_references_by_name_get_ids(ask):
    vm = ask.first("/vms")
    answer = ask("PUT", vm, "<vm><template><name>Blank</name></template></vm>")
    assert b'<template href="/ovirt-engine/api/templates/00000000-' in answer.body


def test_follow_goes_through_references_inside(ask):
    answer = ask.get("/disks?follow=storage_domains&max=1")
    disk = xml.etree.ElementTree.fromstring(answer.body).find("disk")
    assert disk.findtext("storage_domains/storage_domain/name").startswith("data-")
    answer = ask.get(f"{ask.first('/vms')}?follow=template.cluster")
    assert answer.status in (200, 500)


def test_a_tag_is_given_to_a_vm_and_taken_away(ask, listed):
    vm = ask.first("/vms?search=tag%3Dproduction")
    assert ask("POST", f"{vm}/tags", "<tag><name>backup</name></tag>").status == 201
    assert len(listed(ask.get(f"{vm}/tags"))) == 2
    assert ask("POST", f"{vm}/tags", "<tag><name>backup</name></tag>").status == 409
    assert ask("POST", f"{vm}/tags", "<tag><name>unknown</name></tag>").status == 404
    assert ask("DELETE", ask.first(f"{vm}/tags")).status == 200
    assert len(listed(ask.get("/tags"))) == 4


def test_statistics_count_what_was_asked(ask):
    ask.engine.statistics.reset()
    vm = ask.first("/vms")
    ask.get(vm)
    ask("PUT", vm, "<vm/>")
    ask("POST", f"{vm}/nonsense")
    ask("POST", f"{vm}/stop", "<action/>")
    counted = ask.engine.statistics.as_dict()
    assert counted["requests"] == 5
    kinds = {kind: count for kind, count in counted["by_kind"].items() if count}
    assert kinds == {"list": 1, "get": 1, "update": 1, "action": 1, "other": 1}
    assert counted["not_found"] == 1
