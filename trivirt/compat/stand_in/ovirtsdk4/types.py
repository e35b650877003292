"""Types and enumerations; each is made when its name is first used (PEP 562)."""

from enum import Enum as Enum
from enum import unique as unique
from typing import Any as _Any

from trivirt.compat import _types as _home
from trivirt.compat._struct import List as List
from trivirt.compat._struct import Struct as Struct


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
