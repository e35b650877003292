"""What writers have in common."""

from trivirt.compat._errors import Error
from trivirt.compat._writer import Writer

__all__ = ["Error", "Writer"]
