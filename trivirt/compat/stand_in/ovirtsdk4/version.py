"""The version."""

from trivirt.compat._version import VERSION

__all__ = ["VERSION"]
