"""Writers, one for each type; each is made when its name is first used (PEP 562)."""

from typing import Any as _Any

from trivirt.compat import _writer as _home
from trivirt.compat._errors import Error as Error
from trivirt.compat._struct import List as List
from trivirt.compat._writer import Writer as Writer

from . import types as types


def __getattr__(name: str) -> _Any:
    if name == "__all__":
        return __dir__()
    try:
        value = _home.make(name)
    except (KeyError, AttributeError):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_home.names(), *(name for name in globals() if name[0] != "_")})
