"""The step of the checkup between a connection and HTTP: who is there, and is it believed."""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpcore

from trivirt._value import replaced
from trivirt.cli._certificate import Certificate, read_certificate
from trivirt.cli._finding import Finding, Tell, Trouble
from trivirt.cli._sign_on import Target
from trivirt.errors import ConnectFailed, TlsFailed
from trivirt.wire import Origin, Timeouts
from trivirt.wire._dial import dial

__all__ = ["look_at_tls"]

_SOON = 30.0  # Days before the end of a certificate when it is time to renew it.
_CA_PATH = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
_RENEW = "run engine-setup on the engine's machine, which renews its certificates"

# X509_V_ERR_* of OpenSSL.
_NOT_YET, _EXPIRED = 9, 10
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})


async def look_at_tls(origin: Origin, target: Target, tell: Tell) -> None:
    """Shake hands as work will, and look at the certificate. Raises Trouble."""
    if origin.tls is None:
        await _look_without(origin, tell)
        return
    try:
        version, certificate = await _shake(origin)
    except TlsFailed as exc:
        raise await _trouble(exc, origin, target) from exc
    except ConnectFailed as exc:
        raise Trouble("TLS", str(exc), "try again; if it fails again, look at the network") from exc
    tell(_trusted(version, certificate, target))


async def _look_without(origin: Origin, tell: Tell) -> None:
    if await _seen(origin) is not None:
        raise Trouble(
            "TLS",
            f"port {origin.port} of {origin.host} speaks TLS, and the URL begins with http://",
            "write https:// instead",
        )
    tell(
        Finding(
            "TLS",
            "warning",
            "there is none: whoever is on the way can read the password and all else",
            "use https:// and the port where the engine speaks TLS",
        )
    )


async def _shake(origin: Origin) -> tuple[str, Certificate]:
    # pyright takes httpcore's stand-in for a missing trio into account.
    backend: Any = httpcore.TrioBackend()
    stream = await dial(origin, backend, Timeouts())
    try:
        session = stream.get_extra_info("ssl_object")
        return session.version(), read_certificate(session.getpeercert(True))
    finally:
        await stream.aclose()


async def _seen(origin: Origin) -> Certificate | None:
    """The certificate that is shown, whoever shows it; None where there is no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return (await _shake(replaced(origin, tls=context)))[1]
    except ConnectFailed:
        return None


def _trusted(version: str, certificate: Certificate, target: Target) -> Finding:
    left = certificate.days_left(time.time())
    found = (
        f"{version}, with a certificate for {_names(certificate)} that {certificate.issuer} signed "
        f"and that is good until {certificate.ends:%Y-%m-%d}"
    )
    if target.insecure:
        mend = "leave --insecure out, and name the engine's CA with --ca-file"
        return Finding("TLS", "warning", f"{found}; it was not checked", mend)
    if left < _SOON:
        return Finding("TLS", "warning", f"{found}, {left:.0f} days from now", _RENEW)
    return Finding("TLS", "ok", found)


async def _trouble(exc: TlsFailed, origin: Origin, target: Target) -> Trouble:
    certificate = await _seen(origin)
    cause = exc.__cause__
    if certificate is None:
        return Trouble("TLS", str(exc), "check the port in the URL, or begin it with http://")
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return Trouble("TLS", str(exc), "look at the TLS settings of the engine's web server")
    found, mend = _distrusted(cause.verify_code, certificate, origin, target)
    return Trouble("TLS", found or str(exc), mend)


def _distrusted(
    code: int, certificate: Certificate, origin: Origin, target: Target
) -> tuple[str, str]:
    where = f"{origin.host}:{origin.port}"
    if code == _EXPIRED:
        return (
            f"the certificate of {where} expired on {certificate.ends:%Y-%m-%d}",
            f"{_RENEW}; if it is not yet that late, set the clock of this machine",
        )
    if code == _NOT_YET:
        return (
            f"the certificate of {where} is good only from {certificate.begins:%Y-%m-%d %H:%M} UTC",
            "set the clock of this machine, or that of the engine's",
        )
    if code in _OTHER_NAME:
        return (
            f"the certificate of {where} is for {_names(certificate)}",
            "put that name, with which the engine was set up, into the URL",
        )
    if code in _UNKNOWN_CA:
        file = target.ca_file
        trusted = f"{file} (from {target.origin('ca_file')})" if file else "this machine's own CAs"
        return (
            f"the certificate of {where} is signed by {certificate.issuer}, and that is not among "
            f"{trusted}",
            f"get the engine's CA from https://{where}{_CA_PATH}, compare it with "
            "/etc/pki/ovirt-engine/ca.pem on the engine's machine, and name the file with "
            "--ca-file or OVIRT_CAFILE",
        )
    return "", "look at the certificates of the engine's web server"


def _names(certificate: Certificate) -> str:
    return ", ".join(certificate.names) or "nobody"
