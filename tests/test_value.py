"""Values: what a frozen dataclass does is what they do."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from trivirt._value import Value, replaced


class Place(Value):
    """A place."""

    host: str
    port: int = 443
    _hidden = 1


class Named(Place):
    name: str | None = None


class Seconds(Value, kw_only=True):
    first: float = 1.0

    def _check(self) -> None:
        if self.first < 0:
            raise ValueError("first is below 0")


def test_by_place_and_by_name() -> None:
    assert vars(Place("a")) == {"host": "a", "port": 443}
    assert vars(Named("a", 1, name="b")) == {"host": "a", "port": 1, "name": "b"}
    assert Seconds(first=2.0).first == 2.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Place(), "misses the argument 'host'"),  # type: ignore[call-arg]  # for that
        (lambda: Place("a", 1, 2), "so many positional"),  # type: ignore[call-arg]
        (lambda: Place("a", host="b"), "unexpected argument 'host'"),  # type: ignore[misc]
        (lambda: Place("a", nope=1), "unexpected argument 'nope'"),  # type: ignore[call-arg]
        (lambda: Place("a", _hidden=1), "unexpected argument '_hidden'"),  # type: ignore[call-arg]
        (lambda: Seconds(2.0), "so many positional"),  # type: ignore[misc]
    ],
)
def test_wrong_arguments(make: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make()


def test_fields_are_checked() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Seconds(first=-1.0)


def test_equal_by_fields_within_one_class() -> None:
    assert Place("a") == Place("a", 443)
    assert Place("a") != Place("b")
    assert Place("a") != Named("a")
    assert len({Place("a"), Place("a"), Place("b")}) == 2


def test_it_does_not_change() -> None:
    place: Any = Place("a")
    with pytest.raises(AttributeError, match="does not change"):
        place.host = "b"
    with pytest.raises(AttributeError, match="does not change"):
        del place.port
    assert place == Place("a")


def test_repr() -> None:
    assert repr(Named("a")) == "Named(host='a', port=443, name=None)"


def test_copies() -> None:
    value = Named("a", 1, "b")
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_help_shows_the_fields() -> None:
    shown = "(host: 'str', port: 'int' = 443, name: 'str | None' = None)"
    assert str(inspect.signature(Named)) == shown
    assert str(inspect.signature(Seconds)) == "(*, first: 'float' = 1.0)"


def test_replaced() -> None:
    assert replaced(Named("a"), port=1) == Named("a", 1)
    with pytest.raises(ValueError, match="below 0"):
        replaced(Seconds(), first=-1.0)
