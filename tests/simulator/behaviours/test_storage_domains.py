"""Storage domains: made, attached, activated, detached, removed."""

from __future__ import annotations

import pytest

NFS = (
    "<storage_domain><name>newdata</name><type>data</type><host><name>myhost</name></host>"
    "<storage><type>nfs</type><address>server0.example.com</address><path>/nfs/ovirt/40/new</path>"
    "</storage></storage_domain>"
)


@pytest.fixture
def attached(ask, named):
    """The path of a domain in its data center."""

    def find(name: str) -> str:
        center = named("/datacenters", "mydc")
        return f"{center}/storagedomains/{named('/storagedomains', name).rpartition('/')[2]}"

    return find


def test_point_48_a_domain_is_made_attached_and_taken_away(ask, added, passes, act, named, refused):
    home = added("/storagedomains", NFS)
    assert passes(home) == ["locked", "unattached"]
    centre = named("/datacenters", "mydc")
    identity = home.rpartition("/")[2]
    domain = added(f"{centre}/storagedomains", f"<storage_domain id='{identity}'/>")
    assert domain == f"{centre}/storagedomains/{identity}"
    assert passes(domain) == ["locked", "activating", "active"]
    assert ask.value(home, "status") is None
    again = f"<storage_domain id='{identity}'/>"
    assert refused("POST", f"{centre}/storagedomains", again)[0] == 409
    assert refused("DELETE", domain)[0] == 409
    assert refused("DELETE", f"{home}?host=myhost")[0] == 409
    act(domain, "deactivate")
    assert passes(domain) == ["preparing_for_maintenance", "maintenance"]
    act(domain, "activate")
    assert passes(domain) == ["activating", "active"]
    act(domain, "deactivate")
    passes(domain)
    assert ask("DELETE", domain).status == 200
    assert passes(home)[-1] == "unattached"
    assert refused("DELETE", home)[0] == 400
    assert ask("DELETE", f"{home}?host=myhost").status == 200
    assert ask.get(home).status == 404


@pytest.mark.parametrize("left_out", ["host", "type", "storage"])
def test_what_a_domain_needs(refused, left_out):
    import re

    # The last one of `type`, and all else once.
    body = re.sub(rf"<{left_out}>.*?</{left_out}>", "", NFS, count=1)
    assert refused("POST", "/storagedomains", body)[0] == 400


def test_a_path_is_used_once(added, refused):
    added("/storagedomains", NFS)
    assert refused("POST", "/storagedomains", NFS.replace("newdata", "other"))[0] == 409


def test_running_vms_keep_their_domain(attached, refused):
    status, text = refused("POST", f"{attached('mydata')}/deactivate", "<action/>")
    assert (status, "myvm-up" in text) == (409, True)


def test_connections(ask, added, named, refused, listed):
    mydata = named("/storagedomains", "mydata")
    (used,) = listed(ask.get(f"{mydata}/storageconnections"))
    assert refused("DELETE", f"/storageconnections/{used.rpartition('/')[2]}")[0] == 409
    inside = "<type>nfs</type><address>a</address><path>/p</path>"
    body = f"<storage_connection>{inside}</storage_connection>"
    free = added("/storageconnections", body)
    assert ask("DELETE", free).status == 200
    assert refused("POST", "/storageconnections", "<storage_connection/>")[0] == 400


def test_a_new_data_center_comes_up_with_its_first_domain(ask, added, passes):
    center = added("/datacenters", "<data_center><name>newdc</name></data_center>")
    assert ask.value(center, "status") == "uninitialized"
    added(f"{center}/storagedomains", "<storage_domain><name>freedata</name></storage_domain>")
    assert ask.value(center, "status") == "up"


def test_an_image_of_a_repository_becomes_a_disk_and_a_template(ask, act, named, domain, passes):
    image = ask.first(f"{named('/storagedomains', 'ovirt-image-repository')}/images")
    assert ask.value(image, "name") == "CirrOS 0.4.0 for x86_64"
    assert ask("POST", f"{image}/import", "<action/>").status == 400
    more = "<import_as_template>true</import_as_template><template><name>cirros</name></template>"
    act(image, "import", f"{domain()}{more}<cluster><name>mycluster</name></cluster>")
    template = named("/templates", "cirros")
    assert passes(template) == ["locked", "ok"]
    assert b"<disk_attachment " in ask.get(f"{template}/diskattachments").body


def test_is_attached(act, named):
    for name, answer in (("mydata", b"true"), ("freedata", b"false")):
        body = act(named("/storagedomains", name), "isattached").body
        assert b"<is_attached>" + answer in body
