"""XML of the API to objects and back, knowing neither HTTP nor services.

What writes is imported on use: there are programs that only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trivirt.codec._decode import Decoder, decode, decode_steps, find_class
from trivirt.codec._later import kept_reference

if TYPE_CHECKING:
    from trivirt.codec._encode import encode

__all__ = ["Decoder", "decode", "decode_steps", "encode", "find_class", "kept_reference"]


def __getattr__(name: str) -> Any:
    if name != "encode":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trivirt.codec._encode import encode

    globals()[name] = encode
    return encode
