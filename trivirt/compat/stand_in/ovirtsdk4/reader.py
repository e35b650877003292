"""What readers have in common."""

from trivirt.compat._errors import Error
from trivirt.compat._reader import TZ, TZ_OFFSET_RE, TZ_USEC_RE, Reader

__all__ = ["TZ", "TZ_OFFSET_RE", "TZ_USEC_RE", "Error", "Reader"]
