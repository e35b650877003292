"""XML of the API to objects and back, knowing neither HTTP nor services."""

from __future__ import annotations

from trivirt.codec._decode import Decoder, decode, decode_steps, find_class
from trivirt.codec._encode import encode
from trivirt.codec._later import kept_reference

__all__ = ["Decoder", "decode", "decode_steps", "encode", "find_class", "kept_reference"]
