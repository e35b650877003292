"""ovirtsdk4 as trivirt has it, and engines to try it against."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from scripted_engine import ScriptedEngine
from threaded_server import served

from trivirt.compat import _install

Connect = Callable[..., Any]


def _forget() -> dict[str, Any]:
    names = [name for name in sys.modules if name.partition(".")[0] == "ovirtsdk4"]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture(scope="module")
def sdk() -> Iterator[Any]:
    """The package; the real one, should it be there, is put back at the end."""
    theirs = _forget()
    _install.install()
    try:
        yield importlib.import_module("ovirtsdk4")
    finally:
        sys.meta_path.remove(_install._finder)  # type: ignore[arg-type]
        _forget()
        sys.modules.update(theirs)


@pytest.fixture
def engine(scripted: ScriptedEngine) -> Iterator[ScriptedEngine]:
    """The scripted engine on a real port, at `engine.url`."""
    with served(scripted.serve) as port:
        scripted.url = f"http://127.0.0.1:{port}/ovirt-engine/api"  # type: ignore[attr-defined]
        yield scripted


@pytest.fixture
def connect(sdk: Any, engine: Any) -> Iterator[Connect]:
    """Makes connections to the engine, which are closed at the end."""
    with ExitStack() as stack:

        def connected(**options: Any) -> Any:
            options = {"username": "admin@internal", "password": "secret", **options}
            options.setdefault("url", engine.url)
            connection = sdk.Connection(**options)
            stack.callback(connection.close)
            return connection

        yield connected
