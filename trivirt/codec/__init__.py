"""XML of the API to objects and back, knowing neither HTTP nor services."""

from __future__ import annotations

from trivirt.codec._decode import decode, decode_steps
from trivirt.codec._encode import encode
from trivirt.codec._later import bare_link, kept_of, reference_to
from trivirt.codec._stream import Decoder

__all__ = ["Decoder", "bare_link", "decode", "decode_steps", "encode", "kept_of", "reference_to"]
