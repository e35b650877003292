"""Networks, people, labels, pools, templates, backups: what belongs to what."""

from __future__ import annotations

import re

import pytest

from trivirt.simulator import SimulatedEngine


def test_a_network_has_a_profile_and_clusters_choose_it(ask, added, named, names, refused):
    body = "<network><name>newnet</name><data_center><name>mydc</name></data_center></network>"
    network = added("/networks", body)
    assert names(f"{network}/vnicprofiles") == ["newnet"]
    assert refused("POST", "/networks", body)[0] == 409
    clusters = f"{named('/clusters', 'mycluster')}/networks"
    assert "newnet" not in names(clusters)
    member = added(clusters, "<network><name>newnet</name><required>false</required></network>")
    assert ask.value(member, "required") == "false"
    assert refused("POST", clusters, "<network><name>newnet</name></network>")[0] == 409
    ask("PUT", network, "<network><name>renamed</name></network>")
    assert "renamed" in names(clusters)
    assert ask("DELETE", member).status == 200
    assert "renamed" not in names(clusters)
    assert ask("DELETE", network).status == 200
    assert ask.get(network).status == 404


def test_the_management_network_stays(ask, named, refused):
    assert refused("DELETE", ask.first("/networks?search=name%3Dovirtmgmt"))[0] == 409
    (member,) = re.findall(
        r'href="/ovirt-engine/api([^"]+)" id="[^"]*">\s*<name>ovirtmgmt',
        ask.get(f"{named('/clusters', 'mycluster')}/networks").body.decode(),
    )
    assert refused("DELETE", member)[0] == 409


def test_a_profile_in_use_stays(ask, added, named, refused):
    profile = ask.first("/vnicprofiles")
    assert refused("DELETE", profile)[0] == 409
    network = named("/networks", "mynetwork").rpartition("/")[2]
    body = f"<vnic_profile><name>{{}}</name><network id='{network}'/></vnic_profile>"
    assert refused("POST", "/vnicprofiles", body.format("mynetwork"))[0] == 409
    assert ask("DELETE", added("/vnicprofiles", body.format("other"))).status == 200


def test_nics_get_addresses_and_are_unplugged(ask, added, named, refused, act):
    vm = named("/vms", "myvm-up")
    nic = added(
        f"{vm}/nics", "<nic><name>mynic</name><network><name>mynetwork</name></network></nic>"
    )
    assert ask.value(nic, "address").startswith("56:6f:")
    assert b"<vnic_profile href=" in ask.get(nic).body
    assert refused("POST", f"{vm}/nics", "<nic><name>mynic</name></nic>")[0] == 409
    assert refused("DELETE", nic)[0] == 409
    act(nic, "deactivate")
    assert ask.value(nic, "plugged") == "false"
    act(nic, "activate")
    act(nic, "deactivate")
    assert ask("DELETE", nic).status == 200


def test_labels_are_seen_from_both_sides(ask, added, named, names, refused):
    label = ask.first("/affinitylabels")
    vm = named("/vms", "myvm0")
    mine = f"{vm}/affinitylabels"
    on = added(mine, "<affinity_label><name>my_affinity_label</name></affinity_label>")
    assert names(f"{label}/vms") == ["myvm", "myvm0"]
    assert (
        refused("POST", mine, "<affinity_label><name>my_affinity_label</name></affinity_label>")[0]
        == 409
    )
    assert ask("DELETE", on).status == 200
    added(f"{label}/vms", f"<vm id='{vm.rpartition('/')[2]}'/>")
    assert names(mine) == ["my_affinity_label"]
    assert refused("DELETE", label)[0] == 409
    for each in ("myvm", "myvm0"):
        assert ask("DELETE", f"{label}/vms/{named('/vms', each).rpartition('/')[2]}").status == 200
    assert names(mine) == []
    assert ask("DELETE", label).status == 200


def test_affinity_groups_are_of_one_cluster(ask, added, named, names, refused):
    home = f"{named('/clusters', 'mycluster')}/affinitygroups"
    vm = named("/vms", "myvm").rpartition("/")[2]
    body = f"<affinity_group><name>g</name><vms><vm id='{vm}'/></vms></affinity_group>"
    group = added(home, body)
    assert ask.get(f"{group}/vms").body.count(b"<vm ") == 1
    center = named("/datacenters", "mydc")
    assert names(f"{center}{home}") == ["g"]
    assert refused("POST", home, body)[0] == 409
    other = added(f"{named('/clusters', 'othercluster')}/affinitygroups", body.replace(
        f"<vms><vm id='{vm}'/></vms>", ""))  # fmt: skip
    assert refused("POST", f"{other}/vms", f"<vm id='{vm}'/>")[0] == 409


def test_a_tag_is_renamed_and_removed_everywhere(ask, added, named, names, refused):
    vm = named("/vms", "myvm0")
    tag = "/tags/" + re.findall(r'id="([^"]*)">\s*<name>mytag', ask.get("/tags").body.decode())[0]
    below = added("/tags", f"<tag><name>below</name><parent id='{tag[6:]}'/></tag>")
    ask("PUT", tag, "<tag><name>other</name></tag>")
    assert names(f"{vm}/tags") == ["other"]
    assert ask("DELETE", tag).status == 200
    assert names(f"{vm}/tags") == []
    assert ask.get(below).status == 404
    assert refused("DELETE", "/tags/00000000-0000-0000-0000-000000000000")[0] == 409


def test_permissions_are_seen_at_the_user(ask, added, named, refused):
    vm, user = named("/vms", "myvm"), named("/users", "myuser")
    body = (
        f"<permission><role><name>UserVmManager</name></role><user id='{user[7:]}'/></permission>"
    )
    permission = added(f"{vm}/permissions", body)
    assert refused("POST", f"{vm}/permissions", body)[0] == 409
    assert refused("POST", f"{vm}/permissions", "<permission/>")[0] == 400
    assert permission.encode() in ask.get(f"{user}/permissions").body
    assert b"UserVmManager" in ask.get(f"{user}/roles").body
    more = f"<permission><role><name>UserRole</name></role><vm id='{vm[5:]}'/></permission>"
    added(f"{user}/permissions", more)
    assert ask.get(f"{user}/permissions").body.count(b"<permission ") == 2
    assert ask("DELETE", user).status == 200
    assert ask.get(permission).status == 404


def test_groups_and_users_come_from_a_directory(ask, added, named, refused):
    domain = "<domain><name>internal-authz</name></domain>"
    added("/groups", f"<group><name>mygroup</name>{domain}</group>")
    assert refused("POST", "/groups", f"<group><name>nogroup</name>{domain}</group>")[0] == 404
    body = f"<user><user_name>newuser@internal-authz</user_name>{domain}</user>"
    user = added("/users", body)
    assert added("/users", body) == user
    assert refused("POST", "/users", "<user><user_name>x</user_name></user>")[0] == 400
    assert refused("DELETE", named("/users", "admin"))[0] == 409


def test_roles(ask, added, refused):
    body = "<role><name>myrole</name><permits><permit id='1'/><permit id='1300'/></permits></role>"
    role = added("/roles", body)
    permits = ask.get(f"{role}/permits").body
    assert b"<name>create_vm</name>" in permits
    assert permits.count(b"<permit ") == 2
    assert ask("DELETE", f"{role}/permits/1").status == 200
    assert ask("DELETE", role).status == 200
    assert refused("DELETE", "/roles/00000000-0000-0000-0000-000000000001")[0] == 409
    assert refused("POST", "/roles", body.replace("1300", "9999"))[0] == 404


def test_quotas(ask, added, named, refused):
    center = named("/datacenters", "mydc")
    quota = added(f"{center}/quotas", "<quota><name>myquota</name></quota>")
    assert refused("POST", f"{center}/quotas", "<quota><name>myquota</name></quota>")[0] == 409
    limit = "<quota_storage_limit><limit>100</limit></quota_storage_limit>"
    assert b"<quota href=" in ask.get(added(f"{quota}/quotastoragelimits", limit)).body


def test_a_pool_is_filled_grown_and_emptied(ask, added, names, refused, passes, act):
    body = (
        "<vm_pool><name>myvmpool</name><size>2</size><cluster><name>mycluster</name></cluster>"
        "<template><name>mytemplate</name></template></vm_pool>"
    )
    pool = added("/vmpools", body)
    search = "/vms?search=pool%3Dmyvmpool"
    assert names(search) == ["myvmpool-1", "myvmpool-2"]
    vm = ask.first(search)
    assert passes(vm)[-1] == "down"
    assert refused("DELETE", vm)[0] == 409
    assert b"<vm href=" in act(pool, "allocatevm").body
    assert ask("PUT", pool, "<vm_pool><size>3</size></vm_pool>").status == 200
    assert len(names(search)) == 3
    assert refused("PUT", pool, "<vm_pool><size>1</size></vm_pool>")[0] == 409
    assert ask("DELETE", pool).status == 200
    assert ask.get(vm).status == 404


def test_templates_have_versions(ask, added, named, passes, listed, refused):
    vm = named("/vms", "myvm")[5:]
    template = added("/templates", f"<template><name>newtemplate</name><vm id='{vm}'/></template>")
    assert passes(template) == ["locked", "ok"]
    assert len(listed(ask.get(f"{template}/diskattachments"))) == 1
    base = template.rpartition("/")[2]
    version = f"<version><base_template id='{base}'/><version_name>two</version_name></version>"
    second = added("/templates", f"<template><vm id='{vm}'/>{version}</template>")
    passes(second)
    assert ask.value(second, "version_number") == "2"
    assert ask.value(second, "name") == "newtemplate"
    assert refused("DELETE", template)[0] == 409
    assert ask("DELETE", second).status == 200
    assert passes(second) == ["locked", "gone"]
    assert ask("DELETE", template).status == 200


def test_a_template_in_use_stays(ask, refused):
    for one in ("mytemplate", "Blank"):
        assert refused("DELETE", ask.first(f"/templates?search=name%3D{one}"))[0] == 409


def test_a_backup_leaves_a_checkpoint(ask, added, named, passes, act, listed, refused):
    vm, disk = named("/vms", "myvm-up"), named("/disks", "mydisk-up")
    before = listed(ask.get(f"{vm}/checkpoints"))
    body = f"<backup><disks><disk id='{disk[7:]}'/></disks></backup>"
    backup = added(f"{vm}/backups", body)
    assert refused("POST", f"{backup}/finalize", "<action/>")[0] == 409
    assert passes(backup, element="phase") == ["initializing", "starting", "ready"]
    assert len(listed(ask.get(f"{backup}/disks"))) == 1
    after = listed(ask.get(f"{vm}/checkpoints"))
    assert len(after) == len(before) + 1
    act(backup, "finalize")
    assert passes(backup, element="phase") == ["finalizing", "succeeded"]
    assert refused("DELETE", after[-1])[0] == 409
    assert ask("DELETE", after[0]).status == 200
    assert refused("POST", f"{vm}/backups", "<backup/>")[0] == 400


def test_a_cd_is_inserted_and_ejected(ask, named, refused):
    vm = named("/vms", "myvm")
    cdrom = ask.first(f"{vm}/cdroms")
    body = "<cdrom><file id='{}'/></cdrom>"
    assert ask("PUT", cdrom, body.format("virtio-win.iso")).status == 200
    assert b'<file id="virtio-win.iso"/>' in ask.get(cdrom).body
    assert ask("PUT", cdrom, body.format("")).status == 200
    assert b"<file" not in ask.get(cdrom).body
    iso = named("/disks", "mycd")[7:]
    assert ask("PUT", f"{cdrom}?current=true", body.format(iso)).status == 409
    assert refused("PUT", cdrom, body.format("nothing"))[0] == 404


def test_consoles(ask, added, named, act, refused):
    vm = named("/vms", "myvm-up")
    spice = ask.first(f"{vm}/graphicsconsoles")
    assert ask.value(spice, "port") == "5900"
    assert b"[virt-viewer]" in act(spice, "remoteviewerconnectionfile").body
    assert b"<proxy_ticket>" in act(spice, "proxyticket").body
    body = "<graphics_console><protocol>vnc</protocol></graphics_console>"
    assert added(f"{vm}/graphicsconsoles", body).endswith("/766e63")
    assert refused("POST", f"{vm}/graphicsconsoles", body)[0] == 409


@pytest.mark.parametrize("path", ["/clusters", "/datacenters", "/macpools"])
def test_what_others_stand_on_stays(ask, refused, path):
    status, text = refused("DELETE", ask.first(path))
    assert (status, "used by" in text) == (409, True)


def test_an_empty_cluster_and_data_center_go(ask, added):
    center = added("/datacenters", "<data_center><name>new</name></data_center>")
    cluster = added(f"{center}/clusters", "<cluster><name>newcluster</name></cluster>")
    assert ask("DELETE", cluster).status == 200
    assert ask("DELETE", center).status == 200
    assert b"newcluster" not in ask.get("/cpuprofiles").body


# Jobs.


def test_point_53_jobs_are_found_end_and_vanish(ask, named, listed):
    vm = named("/vms", "myvm")
    answer = ask("POST", f"{vm}/start", "<action/>", correlation_id="run-17")
    (href,) = re.findall(r'<job href="/ovirt-engine/api([^"]*)"', answer.body.decode())
    search = "/jobs?search=correlation_id%3Drun-17"
    assert listed(ask.get(search)) == [href]
    assert ask.value(href, "status") == "started"
    steps = ask.get(f"{href}/steps").body
    assert re.findall(rb"<type>(\w+)</type>", steps) == [b"validating", b"executing"]
    ask.engine.clock.advance(20)
    assert ask.value(href, "status") == "finished"
    assert b"<status>started</status>" not in ask.get(f"{href}/steps").body
    ask.engine.clock.advance(ask.engine.durations.job_kept)
    assert ask.get(href).status == 404


def test_point_53_how_long_jobs_are_kept_can_be_set(ask, named):
    ask.engine.durations.job_kept = 5
    ask("PUT", named("/vms", "myvm"), "<vm><comment>x</comment></vm>", correlation_id="quick")
    job = ask.first("/jobs?search=correlation_id%3Dquick")
    assert ask.value(job, "status") == "finished"
    ask.engine.clock.advance(6)
    assert ask.get(job).status == 404


def test_jobs_of_others(ask, added, act):
    job = added("/jobs", "<job><description>mine</description></job>")
    step = added(f"{job}/steps", "<step><type>executing</type></step>")
    assert ask.value(step, "status") == "started"
    act(job, "end", "<succeeded>false</succeeded>")
    assert ask.value(job, "status") == "failed"
    act(job, "clear")
    assert ask.get(job).status == 404


def test_somebody_stays_who_may_do_everything(ask, added, named, refused, listed):
    (only,) = listed(ask.get("/permissions"))
    assert "last one" in refused("DELETE", only)[1]
    role, user = named("/roles", "SuperUser"), named("/users", "user2")
    body = '<permission><role id="{}"/><user id="{}"/></permission>'
    ids = (path.rpartition("/")[2] for path in (role, user))
    added("/permissions", body.format(*ids))
    assert "administrator" in refused("DELETE", user)[1]
    assert ask("DELETE", only).status == 200


def test_permissions_on_what_they_cannot_name(ask, added, named):
    role, user = (
        named(*each).rpartition("/")[2] for each in (("/roles", "UserRole"), ("/users", "user2"))
    )
    body = f'<permission><role id="{role}"/><user id="{user}"/></permission>'
    for path in ("/vnicprofiles", "/cpuprofiles", "/diskprofiles"):
        owner = ask.first(path)
        assert added(f"{owner}/permissions", body).startswith(owner)


def test_jobs_of_others_are_ended_by_them(ask, added, act, refused):
    job = added("/jobs", "<job><description>mine</description></job>")
    step = added(f"{job}/steps", "<step><type>executing</type><description>s</description></step>")
    act(step, "end", "<succeeded>false</succeeded>")
    assert ask.value(step, "status") == "failed"
    act(job, "end", "<succeeded>true</succeeded>")
    assert ask.value(job, "status") == "finished"
    assert refused("POST", f"{job}/end", "<action/>")[0] == 409
    act(job, "clear")
    theirs = ask.first(
        "/jobs?search=correlation_id%3D"
        + ask("POST", "/tags", "<tag><name>t</name></tag>").header("correlation-id")
    )
    assert refused("POST", f"{theirs}/end", "<action/>")[0] == 409
    assert refused("POST", f"{theirs}/clear", "<action/>")[0] == 409


def test_a_profile_that_a_vm_uses_is_not_removed_though_nobody_looked(asker):
    ask = asker(SimulatedEngine(vms=10))
    used = {
        nic.value.vnic_profile.id
        for nic in ask.engine.store.collection(ask.first("/vms") + "/nics", "/vms/{id}/nics")
    }
    fresh = asker(SimulatedEngine(vms=10))
    answer = fresh("DELETE", f"/vnicprofiles/{used.pop()}")
    assert answer.status == 409
    assert b"in use by the following VM" in answer.body


@pytest.mark.parametrize("size", [-1, 1001, 2**31 - 1])
def test_a_pool_has_so_many_vms_and_no_more(added, named, refused, size, ask):
    inside = "<name>p</name><cluster><name>mycluster</name></cluster>"
    inside += "<template><name>Blank</name></template>"
    body = f"<vm_pool>{inside}<size>{size}</size></vm_pool>"
    assert refused("POST", "/vmpools", body)[0] == 409
    pool = added("/vmpools", body.replace(str(size), "2"))
    ask.engine.clock.advance(10)
    assert refused("PUT", pool, f"<vm_pool><size>{size}</size></vm_pool>")[0] == 409


def test_a_cluster_of_which_not_all_is_known_can_be_removed(ask, added, named):
    """A profile need not name its cluster."""
    added("/cpuprofiles", "<cpu_profile><name>lost</name></cpu_profile>")
    body = "<cluster><name>c</name><data_center><name>mydc</name></data_center></cluster>"
    assert ask("DELETE", added("/clusters", body)).status == 200
