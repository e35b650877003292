"""Enumerations are their text, and stay open."""

from __future__ import annotations

import copy
import pickle

import pytest

from trivirt.model import read_enum
from trivirt.types import VmStatus


def test_member_is_its_text() -> None:
    assert VmStatus.UP == "up"
    assert str(VmStatus.UP) == f"{VmStatus.UP}" == "up"
    assert f"{VmStatus.UP:>4}" == "  up"
    assert {"up": 1}[VmStatus.UP] == 1
    assert VmStatus("up") is VmStatus.UP


def test_a_typing_mistake_is_an_error_that_helps() -> None:
    with pytest.raises(ValueError, match=r"'pu' is not a VmStatus: .*powering_up"):
        VmStatus("pu")


@pytest.mark.parametrize("text", ["hibernated", "", "UP", "not a name"])
def test_unknown_value_keeps_its_word(text: str) -> None:
    value = read_enum(VmStatus, text)
    assert type(value) is VmStatus
    assert value.value == value == text
    assert str(value) == text
    assert not value.known
    assert hash(value) == hash(text)
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert type(twin) is VmStatus
    assert len(VmStatus) == 15


def test_known_value_is_the_member() -> None:
    assert read_enum(VmStatus, "up") is VmStatus.UP
    assert VmStatus.UP.known
    assert pickle.loads(pickle.dumps(VmStatus.UP)) is VmStatus.UP
    assert copy.deepcopy(VmStatus.UP) is VmStatus.UP
