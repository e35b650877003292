from __future__ import annotations

import pytest

from trivirt.inventory import VMS, Plan


def test_a_plan_tells_its_requests():
    assert VMS.requests(100) == 301
    assert Plan("hosts", "host").requests(100) == 1


def test_a_plan_reads_as_a_sentence():
    assert str(VMS) == "vms, and of each: disk_attachments, nics, permissions"
    assert str(Plan("hosts", "host")) == "hosts, and of each: nothing"


def test_a_part_named_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Plan("vms", "vm", ("nics", "nics"))
