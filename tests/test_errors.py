"""The tree of errors is the one that its module draws."""

from __future__ import annotations

import builtins
import copy
import pickle
import re

import pytest

from trivirt import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_the_drawing_is_the_tree() -> None:
    assert errors.__doc__ is not None
    path: list[str] = []
    drawn = {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ([ |]*)(?:\+-- )?([A-Z][A-Za-z]+)", line)
        if match:
            depth = len(match[1]) // 5 + ("+--" in line)
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else "Exception"
    assert drawn == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_no_name_shadows_a_builtin(cls: type[Exception]) -> None:
    assert not hasattr(builtins, cls.__name__)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionLost("gone", sent=True),
        errors.Conflict("no", code=409, reason="r", detail="d"),
        errors.AuthError("no", code="access_denied"),
        errors.DecodeError("bad"),
    ],
)
def test_errors_can_be_copied(error: errors.Error) -> None:
    error.method, error.path = "GET", "/vms"
    for twin in copy.copy(error), copy.deepcopy(error):
        assert type(twin) is type(error)
        assert (str(twin), vars(twin)) == (str(error), vars(error))


@pytest.mark.parametrize("cls", [errors.ConnectionLost, errors.DecodeError, errors.AuthError])
def test_errors_can_be_pickled(cls: type[errors.Error]) -> None:
    error = cls("gone")
    error.path = "/vms"
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
