"""Requests and responses of ovirtsdk4: plain holders, for `Connection.send` and `wait`."""

from __future__ import annotations

from typing import Any

from trivirt.compat._errors import HOME


class Request:
    """A request. `path` is relative to the URL of the connection."""

    def __init__(
        self,
        method: str = "GET",
        path: str = "",
        query: dict[str, Any] | None = None,
        headers: dict[str, str | None] | None = None,
        body: str | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = {} if query is None else query
        self.headers = {} if headers is None else headers
        self.body = body


class Response:
    """An answer. From a connection, `headers` is a list of lines and `body` is bytes."""

    reason: str | None

    def __init__(
        self,
        body: Any = None,
        code: int | None = None,
        headers: Any = None,
        message: str | None = None,
    ) -> None:
        self.body = body
        self.code = code
        self.headers = {} if headers is None else headers
        self.message = message


for _cls in (Request, Response):
    _cls.__module__ = f"{HOME}.http"
