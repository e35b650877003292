"""Objects of every class as Hypothesis makes them: what is written is read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_values import objects
from surface_facts import STRUCTS

from trivirt import codec
from trivirt.model import Items

quick = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.mark.parametrize("name", STRUCTS)
@given(data=st.data())
@settings(quick, max_examples=5)
def test_round_trip(name: str, data: st.DataObject) -> None:
    value = data.draw(objects(name))
    assert codec.decode(codec.encode(value)) == value
    assert type(value).from_dict(value.to_dict()) == value


@given(value=st.sampled_from(sorted(STRUCTS)).flatmap(lambda name: objects(name, 2)))
@settings(quick, max_examples=100)
def test_deep_round_trip(value: Any) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(data=st.data())
@settings(quick, max_examples=50)
def test_lists(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(STRUCTS)))
    values = Items(data.draw(st.lists(objects(name), min_size=1, max_size=3)))
    assert codec.decode(codec.encode(values)) == values
