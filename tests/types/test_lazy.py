"""Types and services are imported when they are used, domain by domain."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trivirt.services
import trivirt.types

DOMAINS = "{m for m in sys.modules if m.startswith('trivirt.%s.') and '._' not in m}"


def loaded(code: str, package: str) -> set[str]:
    """The domain modules of a package that some code loads, in a process of its own."""
    script = f"import sys\n{code}\nprint(*{DOMAINS % package})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.rpartition(".")[2] for name in done.stdout.split()}


@pytest.mark.parametrize("package", ["types", "services"])
def test_importing_the_package_loads_no_domain(package: str) -> None:
    assert loaded(f"import trivirt.{package}", package) == set()


def test_a_type_loads_its_domain_and_that_of_its_bases() -> None:
    assert loaded("from trivirt.types import Nic", "types") == {"common", "network"}


def test_the_root_service_loads_its_domain() -> None:
    assert loaded("from trivirt.services import SystemService", "services") == {"system"}


def test_reading_a_list_loads_what_is_in_it() -> None:
    code = "from trivirt import codec; codec.decode(b'<vms><vm><name>a</name></vm></vms>')"
    assert loaded(code, "types") == {"common", "vm"}


@pytest.mark.parametrize("package", [trivirt.types, trivirt.services])
def test_every_name_resolves_and_is_listed(package) -> None:  # type: ignore[no-untyped-def]
    assert dir(package) == package.__all__
    for name in package.__all__:
        assert getattr(package, name).__name__ == name


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = trivirt.types.Nothing  # type: ignore[attr-defined]
