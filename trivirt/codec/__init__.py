"""XML of the API to objects and back, knowing neither HTTP nor services."""

from __future__ import annotations

from trivirt.codec._decode import decode, decode_steps
from trivirt.codec._encode import encode
from trivirt.codec._later import kept_reference
from trivirt.codec._names import find_class
from trivirt.codec._stream import Decoder

__all__ = ["Decoder", "decode", "decode_steps", "encode", "find_class", "kept_reference"]
