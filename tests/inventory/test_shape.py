from __future__ import annotations

from trivirt.inventory import VMS, Record, document, engine_facts, plain_record, totals
from trivirt.types import Api, DiskAttachment, Nic, ProductInfo, Version, Vm


def record(index=0, **parts):
    every = {"disk_attachments": [], "nics": [], "permissions": [], **parts}
    return Record(index, Vm(id=f"v{index}", name=f"web{index}", memory=2**30), every)


def test_a_record_holds_all_attributes_and_its_parts():
    plain = plain_record(record(nics=[Nic(id="n1", name="eth0")]))
    assert plain["id"] == "v0"
    assert plain["memory"] == 2**30
    assert plain["nics"] == [{"id": "n1", "name": "eth0"}]
    assert plain["permissions"] == []
    assert "not_available" not in plain


def test_a_missing_part_is_null_and_named():
    plain = plain_record(record(permissions=None, nics=None))
    assert plain["nics"] is None
    assert plain["permissions"] is None
    assert plain["disk_attachments"] == []
    assert plain["not_available"] == ["nics", "permissions"]


def test_totals_count_what_is_there_and_what_is_not():
    disks = [DiskAttachment(id="d1"), DiskAttachment(id="d2")]
    records = [record(0, disk_attachments=disks), record(1, nics=None)]
    assert totals(VMS, records) == {
        "vms": {"found": 2, "not_available": 0},
        "disk_attachments": {"found": 2, "not_available": 0},
        "nics": {"found": 0, "not_available": 1},
        "permissions": {"found": 0, "not_available": 0},
    }


def test_a_document_is_in_the_order_of_the_engine():
    whole = document({"url": "u"}, VMS, [record(1), record(0)])
    assert [vm["id"] for vm in whole["vms"]] == ["v0", "v1"]
    assert whole["engine"] == {"url": "u"}
    assert whole["totals"]["vms"]["found"] == 2


def test_engine_facts_of_an_engine_that_says_nothing():
    nothing = {"url": "u", "product": None, "version": None}
    assert engine_facts("u", None) == nothing
    assert engine_facts("u", Api()) == nothing


def test_engine_facts_name_product_and_version():
    info = ProductInfo(name="oVirt Engine", version=Version(full_version="4.5.4-1.el8"))
    assert engine_facts("u", Api(product_info=info)) == {
        "url": "u",
        "product": "oVirt Engine",
        "version": "4.5.4-1.el8",
    }
