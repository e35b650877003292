"""What `open_engine` is given, checked and turned into what the engine is made of."""

from __future__ import annotations

import functools
import logging
import ssl
from collections.abc import Callable
from typing import Literal

import httpcore

from trivirt._patience import Retries
from trivirt._url import EngineUrl, parse_sign_on_url, parse_url
from trivirt._value import Value
from trivirt.auth import KERBEROS_PATH, REVOKE_PATH, TOKEN_PATH, Credentials
from trivirt.errors import UsageError
from trivirt.wire import (
    ClientCert,
    FilePath,
    Limits,
    Origin,
    Proxy,
    Timeouts,
    client_context,
    environment_proxy,
    parse_proxy,
)

log = logging.getLogger("trivirt.engine")

_CONNECTIONS = 8

ProxyChoice = str | Literal[False] | None


class Address(Value):
    """One address of the sign-on service."""

    origin: Origin
    target: str


class Options(Value):
    """Everything `open_engine` was given, checked; the same for trio and for synchronous use."""

    url: EngineUrl
    credentials: Credentials
    origin: Origin
    issuer: Address
    revoker: Address
    token_name: str
    connections: int
    pipeline: int | None
    timeouts: Timeouts
    retries: Retries
    limits: Limits
    compress: bool
    network_backend: httpcore.AsyncNetworkBackend | None


def check_options(
    url: str,
    credentials: Credentials,
    *,
    sso_url: str | None,
    sso_revoke_url: str | None,
    sso_token_name: str,
    ca_file: FilePath | None,
    ca_data: str | bytes | None,
    client_cert: ClientCert | None,
    insecure: bool,
    proxy: ProxyChoice,
    connections: int | None,
    pipeline: int | None,
    timeouts: Timeouts | None,
    retries: Retries | None,
    limits: Limits | None,
    compress: bool,
    network_backend: httpcore.AsyncNetworkBackend | None,
) -> Options:
    """Turn the arguments of `open_engine` into options, or raise UsageError."""
    _check_credentials(credentials)
    connections = _CONNECTIONS if connections is None else connections
    if connections < 1:
        raise UsageError(f"connections={connections}: at least 1")
    if pipeline is not None and pipeline < 1:
        raise UsageError(f"pipeline={pipeline}: 1 turns pipelining off, None chooses")
    where = parse_url(url)
    # One set of CAs for the engine, the sign-on service and a proxy; read once, if at all.
    context = functools.cache(
        lambda: client_context(
            ca_file=ca_file, ca_data=ca_data, client_cert=client_cert, insecure=insecure
        )
    )
    if network_backend is not None and proxy is None:
        proxy = False  # The environment speaks of this machine's network, and this is another.
    if insecure and where.secure:
        # A log line and not a Python warning: it is the choice of who runs the program, seldom
        # of who wrote it, and `-W error` must not turn it into a crash.
        log.warning("insecure: whoever answers for %s is believed, and gets the password", where)
    way = _Way(proxy, context)
    origin = way.to(where.secure, where.host, where.port)
    token_path = KERBEROS_PATH if credentials.kerberos else TOKEN_PATH
    return Options(
        url=where,
        credentials=credentials,
        origin=origin,
        issuer=way.address("sso_url", sso_url) or Address(origin, where.root + token_path),
        revoker=way.address("sso_revoke_url", sso_revoke_url)
        or Address(origin, where.root + REVOKE_PATH),
        token_name=sso_token_name,
        connections=connections,
        pipeline=pipeline,
        timeouts=timeouts or Timeouts(),
        retries=retries or Retries(),
        limits=_checked(limits or Limits()),
        compress=compress,
        network_backend=network_backend,
    )


def _check_credentials(credentials: Credentials) -> None:
    for name in ("username", "password"):
        # Not left to the encoder: its error holds the whole text, also as a context.
        if any("\ud800" <= c <= "\udfff" for c in getattr(credentials, name) or ""):
            raise UsageError(f"The {name} was not in UTF-8 where it came from, and cannot be sent")
    if credentials.kerberos:
        if credentials.password is not None:
            raise UsageError("kerberos=True signs on with a ticket; leave the password out")
        from trivirt._kerberos import check_installed  # For few, so it is imported for those.

        check_installed()
    elif credentials.token is None and not credentials.renewable:
        raise UsageError("Signing on takes a username and a password, a token, or kerberos=True")


def _checked(limits: Limits) -> Limits:
    for name, value in vars(limits).items():
        if not isinstance(value, int) or value < 1:
            raise UsageError(f"Limits({name}={value!r}): a number of bytes, at least 1")
    return limits


class _Way(Value):
    """How hosts are reached: directly or through a proxy, and with which CAs."""

    proxy: ProxyChoice
    context: Callable[[], ssl.SSLContext]

    def to(self, secure: bool, host: str, port: int) -> Origin:
        return Origin(
            host, port, self.context() if secure else None, self._proxy_to(secure, host, port)
        )

    def address(self, option: str, url: str | None) -> Address | None:
        if url is None:
            return None
        where = parse_sign_on_url(url, option)
        return Address(self.to(where.secure, where.host, where.port), where.target)

    def _proxy_to(self, secure: bool, host: str, port: int) -> Proxy | None:
        if self.proxy is None:
            named = environment_proxy(secure, host, port)
            if named is None:
                return None
            variable, url = named
            source = f"{variable} in the environment (proxy=False ignores it)"
            return parse_proxy(url, self.context, source=source)
        if not self.proxy:
            return None
        return parse_proxy(self.proxy, self.context, source="proxy=")
