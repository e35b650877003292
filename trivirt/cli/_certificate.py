"""The certificate that a server shows, read without trusting it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from cryptography import x509
from cryptography.x509.oid import NameOID

__all__ = ["Certificate", "read_certificate"]


@dataclass(frozen=True)
class Certificate:
    """Whom it is for, who signed it, and how long it is good."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime

    def days_left(self, now: float) -> float:
        """Days from a time, in seconds since 1970, to the end; negative after it."""
        return (self.ends - datetime.fromtimestamp(now, timezone.utc)).total_seconds() / 86400


def read_certificate(der: bytes) -> Certificate:
    """Read what `getpeercert(True)` gives. Raises ValueError."""
    found = x509.load_der_x509_certificate(der)
    return Certificate(
        names=tuple(_names(found)),
        issuer=_common_name(found.issuer) or found.issuer.rfc4514_string(),
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
    )


def _names(found: x509.Certificate) -> list[str]:
    """Its names, the old-fashioned one only if there is no other (RFC 9525 section 6.3)."""
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return list(filter(None, [_common_name(found.subject)]))
    names = extension.value
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def _common_name(name: x509.Name) -> str:
    return ", ".join(str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME))
