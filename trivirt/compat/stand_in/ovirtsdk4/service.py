"""What services have in common."""

from trivirt.compat._errors import AuthError, Error, NotFoundError
from trivirt.compat._service import Future, Service

__all__ = ["AuthError", "Error", "Future", "NotFoundError", "Service"]
