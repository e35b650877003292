from __future__ import annotations

import json

import pytest

from trivirt.errors import UsageError
from trivirt.inventory import PRESETS, VMS, Plan

TEXT = "vms: disk_attachments, nics, permissions"


def test_a_plan_reads_as_what_it_names():
    assert str(VMS) == TEXT
    assert str(Plan({"vms": ["nics"], "hosts": []})) == "vms: nics\nhosts"


def test_a_plan_is_a_mapping_that_equals_its_data():
    plan = Plan({"vms": ["nics"], "hosts": ()})
    assert dict(plan) == {"vms": ("nics",), "hosts": ()}
    assert plan == Plan({"vms": ("nics",), "hosts": []})
    assert hash(plan) == hash(Plan({"vms": ("nics",), "hosts": []}))
    assert eval(repr(plan)) == plan


@pytest.mark.parametrize("name", PRESETS)
def test_presets_go_by_their_names(name):
    assert Plan.of(name) is PRESETS[name]


def test_a_plan_in_words():
    assert Plan.of("vms=nics,snapshots hosts") == Plan({"vms": ["nics", "snapshots"], "hosts": []})


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".toml", 'vms = ["nics"]\nhosts = []\n'),
        (".json", '{"vms": ["nics"], "hosts": []}'),
    ],
)
def test_a_plan_from_a_file(tmp_path, suffix, text):
    file = tmp_path / f"plan{suffix}"
    file.write_text(text)
    assert Plan.of(str(file)) == Plan({"vms": ["nics"], "hosts": []})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ("[]", "no table"),
        ('{"vms": "nics"}', "a list of names"),
        ('{"vms": [1]}', "a list of names"),
        ("{}", "one collection at least"),
    ],
)
def test_a_file_that_is_no_plan(tmp_path, text, why):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=why):
        Plan.from_file(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.toml cannot be read"):
        Plan.from_file(tmp_path / "nowhere.toml")


def test_a_part_named_twice_is_refused():
    with pytest.raises(UsageError, match="twice"):
        Plan({"vms": ("nics", "nics")})


def test_names_that_the_api_does_not_have_are_refused():
    with pytest.raises(UsageError, match="vms"):
        Plan({"vm": ()})
    with pytest.raises(UsageError, match="nics"):
        Plan({"vms": ("nic",)})


@pytest.mark.parametrize("plan", PRESETS.values(), ids=PRESETS)
def test_a_plan_survives_json(plan):
    assert Plan(json.loads(json.dumps({**plan}))) == plan
