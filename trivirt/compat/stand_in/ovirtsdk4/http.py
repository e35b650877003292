"""Requests and responses."""

from trivirt.compat._http import Request, Response

__all__ = ["Request", "Response"]
