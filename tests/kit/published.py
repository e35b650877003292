"""Published programs that use ovirtsdk4, and how each of them is run.

They come from PyPI and Debian (`nox -s integration` installs them) and run as they are. What
stands in braces is filled in: `{python}` is the interpreter that has the packages, `{bin}` where
their commands are, `{here}` this project's folder of integration tests, `{url}`, `{engine}` (the
URL without a path), `{host}` (with the port), `{username}`, `{password}` and `{ca_file}` the
engine. Each program has a folder of its own as home and working directory.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Program:
    """Command lines that run in turn. `needs` are keys of NEEDS, `files` are written before.

    With `twice` they run a second time, and then nothing may be changed any more.
    """

    needs: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    twice: bool = False


def _package(name: str) -> Callable[[], bool]:
    def found() -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:
            return False

    return found


def _command(name: str) -> Callable[[], bool]:
    return lambda: bool(shutil.which(name) or (BIN / name).exists())


#: What must be there, by the name that is told when it is not.
NEEDS: Mapping[str, Callable[[], bool]] = {
    "ansible (PyPI)": _package("ansible_collections.ovirt.ovirt"),
    "nbdkit-plugin-python (Debian)": _command("nbdkit"),
    "ovirt-imageio (PyPI)": _package("ovirt_imageio.client"),
    "ovirt-python-sdk (PyPI)": _package("ovirt_python_sdk"),
    "qemu-utils (Debian)": _command("qemu-img"),
    "kcli (PyPI)": _package("kvirt.providers.ovirt"),
    "rhvhauto-common-utils (PyPI)": _package("rhvhauto_common_utils"),
    "virt-v2v (Debian)": _command("virt-v2v"),
    "wrapanapi (PyPI)": _package("wrapanapi"),
}

_INVENTORY = """
plugin: ovirt.ovirt.ovirt
ovirt_url: {url}
ovirt_username: {username}
ovirt_password: {password}
ovirt_cafile: {ca_file}
ovirt_query_filter: {{search: "name=myvm* sortby name", case_sensitive: false}}
keyed_groups:
  - {{key: cluster, prefix: cluster}}
  - {{key: status, prefix: status}}
groups:
  tagged: "'mytag' in tags"
compose:
  ansible_host: devices | default({{}}) | string
"""


def _playbook(name: str, twice: bool = True) -> Program:
    line = ("{bin}/ansible-playbook", f"{{here}}/playbooks/{name}.yml")
    return Program(("ansible (PyPI)",), (line,), twice=twice)


def _caller(name: str, *needs: str) -> Program:
    line = ("{python}", f"{{here}}/callers/{name}.py")
    return Program(needs, (line,))


PROGRAMS: Mapping[str, Program] = {
    # Modules of the collection ovirt.ovirt, in a process each.
    "ansible info modules": _playbook("info", twice=False),
    "ansible vm, nic, snapshot": _playbook("vm"),
    "ansible vm states": _playbook("vm_states", twice=False),
    "ansible disk": _playbook("disk", twice=False),
    "ansible network, vnic_profile": _playbook("network"),
    "ansible tag, affinity": _playbook("tags"),
    "ansible host, cluster, datacenter": _playbook("host", twice=False),
    "ansible storage, template, qos, quota": _playbook("storage"),
    "ansible user, permission, role, job": _playbook("access"),
    "ansible auth": _playbook("auth", twice=False),
    # Its inventory plugin, which runs within ansible itself.
    "ansible inventory": Program(
        ("ansible (PyPI)",),
        (
            ("{bin}/ansible-inventory", "-i", "ovirt.yml", "--list"),
            ("{bin}/ansible-inventory", "-i", "ovirt.yml", "--graph"),
        ),
        {"ovirt.yml": _INVENTORY},
    ),
    "virt-v2v rhv-upload": _caller(
        "virt_v2v",
        "virt-v2v (Debian)",
        "nbdkit-plugin-python (Debian)",
        "qemu-utils (Debian)",
    ),
    "ovirt-img": _caller("ovirt_img", "ovirt-imageio (PyPI)", "qemu-utils (Debian)"),
    "ovirt-python-sdk": _caller("ovirt_python_sdk_wrapper", "ovirt-python-sdk (PyPI)"),
    "kcli": _caller("kcli_ovirt", "kcli (PyPI)"),
    "wrapanapi": _caller("wrapanapi_rhevm", "wrapanapi (PyPI)"),
    "rhvhauto-common-utils": _caller("rhvhauto", "rhvhauto-common-utils (PyPI)"),
}
