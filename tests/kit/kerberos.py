"""A real KDC (MIT Kerberos) with one user and one service."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from programs import folder, free_port, program, running

REALM = "TRIVIRT.TEST"
USER, PASSWORD = "alice", "the-password-of-alice"
TOOLS = {
    "krb5kdc": "krb5-kdc",
    "kdb5_util": "krb5-kdc",
    "kadmin.local": "krb5-admin-server",
    "kinit": "krb5-user",
}
LIBRARY = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
"""
SERVER = """
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {dir}/principal
    key_stash_file = {dir}/stash
    acl_file = {dir}/acl
  }}
[logging]
  kdc = FILE:{dir}/kdc.log
  default = FILE:{dir}/kdc.log
"""


@dataclass(frozen=True)
class Kdc:
    """A KDC that runs. `env` is what programs need to find it; `keytab` is the service's."""

    env: dict[str, str]
    keytab: Path

    def sign_on(self) -> None:
        """Get a ticket for the user, as kinit does at a terminal."""
        _run(["kinit", USER], self.env, answer=f"{PASSWORD}\n")


def missing() -> str | None:
    """What has to be installed first; None when everything is there."""
    lacking = sorted({package for tool, package in TOOLS.items() if program(tool) is None})
    if lacking:
        return f"no KDC is installed (Debian: {' '.join(lacking)})"
    for module in ("spnego", "gssapi", "krb5"):
        if importlib.util.find_spec(module) is None:
            return f"the Python package {module} is not installed: pip install 'trivirt[kerberos]'"
    return None


@contextlib.contextmanager
def kdc() -> Iterator[Kdc]:
    """Make a realm and serve it; `HTTP/localhost` is the service."""
    with folder() as place:
        port = free_port()
        values = {"realm": REALM, "port": port, "dir": place}
        (place / "krb5.conf").write_text(LIBRARY.format(**values))
        (place / "kdc.conf").write_text(SERVER.format(**values))
        keytab = place / "http.keytab"
        env = {
            "KRB5_CONFIG": str(place / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(place / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{place}/tickets",
            "KRB5RCACHENAME": "none:",
        }
        _run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "of the database"], env)
        for query in (
            f"addprinc -pw {PASSWORD} {USER}",
            "addprinc -randkey HTTP/localhost",
            f"ktadd -k {keytab} HTTP/localhost",
        ):
            _run(["kadmin.local", "-r", REALM, "-q", query], env)
        keytab.chmod(0o644)  # Apache's children are not root.
        line = [program("krb5kdc") or "", "-n", "-r", REALM, "-P", str(place / "kdc.pid")]
        with running(line, port, place / "kdc.log", env):
            yield Kdc(env, keytab)


def _run(line: list[str], env: dict[str, str], answer: str = "") -> None:
    result = subprocess.run(
        [program(line[0]) or line[0], *line[1:]],
        input=answer,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 0, f"{line[0]}: {result.stdout}{result.stderr}"
