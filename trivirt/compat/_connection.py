"""`ovirtsdk4.Connection`: the parameters of the old client over the engine of the new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from trivirt.compat import _log, _service
from trivirt.compat._describe import Method
from trivirt.compat._errors import HOME, Error
from trivirt.compat._http import Request, Response
from trivirt.compat._reply import Reading, check_json, check_xml, content_type
from trivirt.compat._struct import List
from trivirt.compat._version import VERSION

if TYPE_CHECKING:
    from trivirt import sync, wire
    from trivirt.compat._transport import Transport

T = TypeVar("T")

_FIXED = {
    "User-Agent": f"PythonSDK/{VERSION}",
    "Version": "4",
    "Content-Type": "application/xml",
    "Accept": "application/xml",
}
_SHORT = 16 * 1024  # Bytes, as they travel.
#: What may stand in a path as it is; identifiers come unencoded, and a slash in one stays one.
_SAFE = "/%:@!$&'()*+,;=~"


class Connection:
    """A connection to an engine; `close` it, or use it in a `with` block.

    Nothing is sent and no thread is started before the first request. At most `connections`
    connections are used, 20 if that is 0; `pipeline` requests may be outstanding on each, one if
    that is 0. `timeout` is in seconds and holds for each request and for signing on; 0 is none.
    """

    def __init__(
        self,
        url: str | None = None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        insecure: bool = False,
        ca_file: str | None = None,
        debug: bool = False,
        log: Any = None,
        kerberos: bool = False,
        timeout: float = 0,
        compress: bool = True,
        sso_url: str | None = None,
        sso_revoke_url: str | None = None,
        sso_token_name: str = "access_token",
        headers: dict[str, str | None] | None = None,
        pipeline: int = 0,
        connections: int = 0,
    ) -> None:
        if url is None:
            raise Error("The 'url' parameter is mandatory")
        if not insecure and ca_file is not None and not os.path.exists(ca_file):
            raise Error(f"The CA file '{ca_file}' doesn't exist")
        self._url = url
        self._username = username
        self._password = password
        self._sso_token = token
        self._insecure = insecure
        self._ca_file = None if insecure else ca_file
        self._debug = debug
        self._log = log
        self._kerberos = kerberos
        self._timeout = timeout
        self._sso_url = sso_url
        self._sso_revoke_url = sso_revoke_url
        self._sso_token_name = sso_token_name
        self._headers = {} if headers is None else headers
        self._pipeline = pipeline
        self._connections = connections
        # A log is to be read, so what it shows is not compressed.
        self._compress = compress and not debug
        self._system: _service.Service | None = None
        self._transport: Transport | None = None
        self._early_readings: dict[Reading, Callable[[wire.Response], Any]] = {}
        self._usual_headers: tuple[object, tuple[tuple[str, str], ...]] | None = None
        self._closed = False

    @property
    def url(self) -> str:
        """The URL as it was given."""
        return self._url

    @property
    def _path(self) -> str:
        return urlsplit(self._url).path  # That fails for what is no URL, and so at a request.

    def system_service(self) -> _service.Service:
        """The root of the services; the same object each time."""
        if self._system is None:
            self._system = _service.make("SystemService")(self, "")
        return self._system

    def service(self, path: str) -> _service.Service:
        """The service at a path such as `vms/123`."""
        return self.system_service().service(path)

    def authenticate(self) -> str:
        """Sign on if there is no token yet, and give the token."""
        if self._sso_token is None or self._transport is not None:
            self._sso_token = self._opened().token()
        return self._sso_token

    def test(self, raise_exception: bool = False) -> bool:
        """Whether the engine answers; with `raise_exception` the reason why not is raised."""
        try:
            self.system_service()._perform(_ROOT, (), None, None, True, {})
        except Error:
            if raise_exception:
                raise
            return False
        return True

    def is_link(self, obj: Any) -> bool:
        """Whether an object has an address."""
        return obj.href is not None

    def follow_link(self, obj: Any) -> Any:
        """Fetch what is at the address of an object or of a list."""
        href = obj.href
        if href is None:
            # The spelling is that of ovirtsdk4, which programs may look for.
            raise Error("Can't follow link because the 'href' attribute does't have a value")
        prefix = self._path if self._path.endswith("/") else f"{self._path}/"
        if not href.startswith(prefix):
            raise Error(f"The URL '{href}' isn't compatible with the base URL of the connection")
        service: Any = self.service(href[len(prefix) :])
        return service.list() if isinstance(obj, List) else service.get()

    def send(self, request: Request) -> sync.Future[wire.Response]:
        """Send a request and give something to `wait` for; the request starts now."""
        made = self._make(request)
        return self._opened().send_soon(made, _as_it_is)

    def wait(self, context: sync.Future[wire.Response], failed_auth: bool = False) -> Response:
        """Block until the answer to a request is there, whatever it says."""
        return self._shown(self._result_of(context))

    def close(self, logout: bool = True) -> None:
        """Close, and revoke the token unless `logout` is False. Closing twice does nothing."""
        if self._closed:
            return
        unused = self._sso_token is not None and self._transport is None
        if logout and unused and not sys.is_finalizing():
            self._opened().engine()  # A token that was given and never used is revoked, too.
        self._closed = True
        if self._transport is not None:
            self._transport.close(logout)
            if self._debug and self._log is not None:
                _log.remark(self._log, f"Closed the connection to {self._url}")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        self.close()

    # What services and futures use.

    def _exchange(self, request: Request, reading: Reading) -> Any:
        """Send a request, block until its answer is there, and read it."""
        made = self._make(request)
        value = self._opened().send(made, self._early(reading))
        return self._finish(value, reading)

    def _begin(self, request: Request, reading: Reading) -> sync.Future[Any]:
        """Send a request; what the future gives is for `_end`."""
        made = self._make(request)
        return self._opened().send_soon(made, self._early(reading))

    def _end(self, context: sync.Future[Any], reading: Reading) -> Any:
        """Block until the answer is there, and read it."""
        return self._finish(self._result_of(context), reading)

    def _result_of(self, context: sync.Future[T]) -> T:
        assert self._transport is not None  # It has made the future.
        return self._transport.result(context)

    def _early(self, reading: Reading) -> Callable[[wire.Response], Any]:
        """What the engine's thread makes of an answer.

        It reads short answers, which saves a change of threads in the middle of each; long ones
        would keep other requests waiting, and the program's log is written in its own thread.
        """
        found = self._early_readings.get(reading)
        if found is None:

            def read(response: wire.Response) -> Any:
                if self._debug or sum(map(len, response.parts)) > _SHORT:
                    return _Unread(response)
                return self._read(response, reading)

            found = self._early_readings[reading] = read
        return found

    def _finish(self, value: Any, reading: Reading) -> Any:
        if type(value) is not _Unread:
            return value
        if self._debug:
            self._shown(value.response)
        return self._read(value.response, reading)

    def _read(self, response: wire.Response, reading: Reading) -> Any:
        body = self._content(response)
        kind = response.header("content-type") or ""
        return reading(response.status, kind, body, self._path)

    def _opened(self) -> Transport:
        if self._closed:
            raise Error("The connection is closed")
        if self._transport is None:
            with _from_python_first():
                from trivirt.compat import _decode  # noqa: F401  # The answer will need it.
                from trivirt.compat._transport import Settings, Transport
            if self._debug and self._log is not None:
                _log.remark(self._log, f"Signing on at {self._url}")
            self._transport = Transport(
                Settings(
                    url=self._url,
                    username=self._username,
                    password=self._password,
                    token=self._sso_token,
                    kerberos=self._kerberos,
                    ca_file=self._ca_file,
                    insecure=self._insecure,
                    timeout=self._timeout,
                    sso_url=self._sso_url,
                    sso_revoke_url=self._sso_revoke_url,
                    sso_token_name=self._sso_token_name,
                    pipeline=self._pipeline,
                    connections=self._connections,
                )
            )
        return self._transport

    def _make(self, request: Request) -> wire.Request:
        target = quote(self._path + request.path, safe=_SAFE)
        if request.query:
            target = f"{target}?{urlencode(sorted(request.query.items()))}"
        headers = self._all_headers(request.headers)
        body = (request.body or "").encode()
        if self._debug and self._log is not None:
            _log.sent(self._log, request.method, target, headers, request.body)
        return self._opened().request(request.method, target or "/", headers, body)

    def _all_headers(self, own: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
        if not own:  # Then they are the same each time, and the wire encodes them once.
            state = tuple(self._headers.items())
            if self._usual_headers is None or self._usual_headers[0] != state:
                self._usual_headers = state, self._merged_headers(own)
            return self._usual_headers[1]
        return self._merged_headers(own)

    def _merged_headers(self, own: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for name, value in [*self._headers.items(), *own.items(), *_FIXED.items()]:
            if value is not None:
                found[name] = value
        if self._compress:
            found["Accept-Encoding"] = "gzip"
        for name, value in found.items():
            if not (isinstance(value, str) and value.isascii() and name.isascii()):
                # The blank in front of the value is in the text of ovirtsdk4, too.
                raise Error(
                    f"The value ' {value}' of header '{name}' contains characters that can't be "
                    "encoded using ASCII, as required by the HTTP protocol."
                )
        return tuple(found.items())

    def _content(self, response: wire.Response) -> bytes:
        assert self._transport is not None  # It brought the answer.
        return self._transport.content(response)

    def _shown(self, response: wire.Response) -> Response:
        """An answer as ovirtsdk4 has it, written to the log if that is wanted."""
        assert self._transport is not None  # It brought the answer.
        reason = self._transport.reasons.get(response.status, "")
        lines = [f"HTTP/1.1 {response.status} {reason}".rstrip()]
        lines += [f"{name.title()}: {value}" for name, value in response.headers]
        answer = Response(self._content(response), response.status, lines)
        answer.reason = reason
        if self._debug and self._log is not None:
            _log.received(self._log, lines, answer.body)
        return answer

    def check_xml_content_type(self, response: Response) -> None:
        """Raise Error unless an answer says that it is XML."""
        check_xml(content_type(response), self._path)

    def check_json_content_type(self, response: Response) -> None:
        """Raise Error unless an answer says that it is JSON."""
        check_json(content_type(response), self._path)


@contextmanager
def _from_python_first() -> Iterator[None]:
    """Import what is Python's from Python, also if a file of that name lies beside the script.

    trio needs more of Python than programs expect that use ovirtsdk4. Other threads may change
    the path meanwhile, so only what is put before it is taken away again.
    """
    own = os.path.dirname(os.__file__)
    first = [path for path in sys.path if path.startswith(own)]
    sys.path[:0] = first
    try:
        yield
    finally:
        for path in first:
            sys.path.remove(path)


class _Unread:
    """An answer that the thread which waits for it reads."""

    def __init__(self, response: wire.Response) -> None:
        self.response = response


def _as_it_is(response: wire.Response) -> wire.Response:
    return response


_ROOT = Method("get", "get", "", "", ())
_service._READINGS[_ROOT] = Reading("get", "")


class ConnectionBuilder:
    """Makes connections with the same parameters, a new one each time."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs

    def build(self) -> Connection:
        return Connection(**self._kwargs)


for _cls in (Connection, ConnectionBuilder):
    _cls.__module__ = HOME

__all__ = ["Connection", "ConnectionBuilder"]
