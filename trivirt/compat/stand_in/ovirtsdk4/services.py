"""Services; each is made when its name is first used (PEP 562)."""

from typing import Any as _Any

from trivirt.compat import _service as _home
from trivirt.compat._errors import Error as Error
from trivirt.compat._service import Future as Future
from trivirt.compat._service import Service as Service


def __getattr__(name: str) -> _Any:
    if name == "__all__":
        return _home.names()
    try:
        value = _home.make(name)
    except (KeyError, AttributeError):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_home.names()})
