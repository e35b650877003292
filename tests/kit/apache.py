"""A real Apache httpd, set up as the packages of an engine do, with Debian's modules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from programs import apache_module, folder, free_port, program, running, unprivileged

MODULES = (
    *("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "filter", "deflate"),
    *("proxy", "proxy_http", "socache_shmcb", "ssl"),
)

# Two hosts in one server: the outer one is what an engine's httpd is to a client. The inner one
# stands for the application server: it answers plainly, so that mod_deflate has its work.
CONFIG = """
ServerName localhost
ServerRoot {dir}
DefaultRuntimeDir {dir}
PidFile {dir}/httpd.pid
ErrorLog {dir}/error.log
LogFormat "%k %s %X %r" wire
CustomLog {dir}/access.log wire
Timeout 60
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
StartServers 1
ThreadsPerChild 25
MaxRequestWorkers 50
ServerLimit 2
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{inner}
<VirtualHost 127.0.0.1:{port}>
  SSLEngine on
  SSLCertificateFile {dir}/server.pem
  AddOutputFilterByType DEFLATE application/xml application/json text/html
  RequestHeader unset X-Remote-User
  ProxyPass /ovirt-engine http://127.0.0.1:{inner}/ovirt-engine
  {extra}
</VirtualHost>
<VirtualHost 127.0.0.1:{inner}>
  MaxKeepAliveRequests 0
  RequestHeader unset Accept-Encoding
  SSLProxyEngine on
  SSLProxyCheckPeerName off
  ProxyPass /ovirt-engine https://127.0.0.1:{backend}/ovirt-engine
  CustomLog /dev/null wire
</VirtualHost>
"""


@dataclass(frozen=True)
class Apache:
    """A server that runs. `access` has one line for each request, see `LogFormat`."""

    url: str
    ca_file: Path
    access: Path

    def requests_on_connections(self) -> list[int]:
        """How many requests came before each on its connection, in the order of the log."""
        return [int(line.split()[0]) for line in self.access.read_text().splitlines()]


def missing(*modules: str) -> str | None:
    """What has to be installed first; None when everything is there."""
    if program("apache2", "httpd") is None:
        return "Apache httpd is not installed (Debian: apache2-bin)"
    lacking = [name for name in (*MODULES, *modules) if apache_module(name) is None]
    if not lacking:
        return None
    hint = " (Debian: libapache2-mod-auth-gssapi)" if "auth_gssapi" in lacking else ""
    return f"Apache httpd lacks mod_{', mod_'.join(lacking)}{hint}"


@contextlib.contextmanager
def apache(
    backend: str, *modules: str, extra: str = "", env: dict[str, str] | None = None
) -> Iterator[Apache]:
    """Serve the engine at the URL `backend` over TLS; `extra` goes into the outer host."""
    executable = program("apache2", "httpd")
    assert executable is not None
    with folder() as place:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(place / "ca.pem"))
        certificate = authority.issue_cert("localhost")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(place / "server.pem"))
        port, inner = free_port(), free_port()
        lines = [f"LoadModule {m}_module {apache_module(m)}" for m in (*MODULES, *modules)]
        if become := unprivileged():
            lines += [f"User {become[0]}", f"Group {become[1]}"]
        values = {"dir": place, "port": port, "inner": inner, "backend": urlsplit(backend).port}
        config = place / "httpd.conf"
        config.write_text("\n".join(lines) + CONFIG.format(**values, extra=extra))
        line = [executable, "-D", "FOREGROUND", "-f", str(config)]
        with running(line, port, place / "error.log", env):
            url = f"https://localhost:{port}/ovirt-engine/api"
            yield Apache(url, place / "ca.pem", place / "access.log")
