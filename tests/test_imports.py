"""Who may import whom, and what importing costs: the house rules, read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from listing import modules_of_a_listing

import trivirt

PACKAGE = Path(trivirt.__file__).parent

# What the modules of a package may import of trivirt, themselves, `errors` and `_value` aside.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "_value": set(),
    "_url": set(),
    "configuration": {"_url"},
    "wire": set(),
    "model": set(),
    "codec": {"model", "types"},
    "types": {"model"},
    "services": {"types", "model"},
    "_kerberos": set(),
    "_tokens": {"wire"},
    "auth": {"wire", "_kerberos", "_tokens"},
    "_options": {"auth", "wire", "_kerberos", "_patience", "_url"},
    "_future": {"model"},
    "_patience": set(),
    "_replies": {"wire", "codec", "model"},
    "engine": {
        *("auth", "wire", "codec", "services", "model"),
        *("configuration", "_future", "_options", "_patience", "_replies", "__version__"),
    },
    "jobs": {"services", "model", "types"},
    "sync": {
        "configuration",
        "engine",
        "auth",
        "wire",
        "codec",
        "services",
        "types",
        "model",
        "_future",
        "_options",
        "_patience",
    },
    "inventory": {"configuration", "engine", "auth", "wire", "codec", "services", "types", "model"},
    "simulator": {"wire._messages", "codec", "types", "model"},
}


def imported(path: Path) -> set[str]:
    """The modules of trivirt that a file imports, wherever in it, by their dotted names."""
    package = ".".join(path.relative_to(PACKAGE.parent).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            found |= {base} if base != "trivirt" else {f"trivirt.{a.name}" for a in node.names}
    return {name.removeprefix("trivirt.") for name in found if name.startswith("trivirt.")}


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if home(p) in ARROWS]


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(PACKAGE)) for p in FILES])
def test_imports_point_down(path: Path) -> None:
    mine, allowed = home(path), ARROWS[home(path)] | {"errors", "_value"}
    for name in imported(path):
        top = name.partition(".")[0]
        assert top == mine or top in allowed or name in allowed, f"{path} imports trivirt.{name}"


def test_every_part_of_the_house_has_its_arrows() -> None:
    parts = {home(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    free = {"cli", "compat", "pytest_plugin", "_facts"}
    assert parts - free == set(ARROWS)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    line = [sys.executable, "-I", "-c", code]
    return set(subprocess.run(line, capture_output=True, text=True, check=True).stdout.split())


def test_importing_trivirt_loads_neither_trio_nor_the_surface() -> None:
    loaded = loaded_by("import trivirt")
    assert not loaded & {"trio", "httpcore", "lxml", "lxml.etree", "httptools", "ssl"}
    assert {name for name in loaded if name.startswith("trivirt")} == {"trivirt"}


def test_a_type_loads_its_own_domain_only() -> None:
    loaded = loaded_by("import trivirt; trivirt.types.MacPool")
    assert "trio" not in loaded
    assert "trivirt.types.gluster" not in loaded


@pytest.mark.ovirt(vms=100)
def test_an_engine_that_lists_machines_loads_nothing_that_others_need(ovirt_engine_url) -> None:
    """It is to import little more than its four dependencies do; see tests/benchmarks."""
    where = ovirt_engine_url
    loaded = {*modules_of_a_listing(where.url, where.username, where.password, where.ca_file)}
    ours = {name for name in loaded if name.startswith("trivirt.")}
    assert {name for name in ours if name.count(".") == 2 and "._" not in name} == {
        *("trivirt.types.common", "trivirt.types.vm"),
        *("trivirt.services.system", "trivirt.services.vm"),
    }
    assert not ours & {
        *("trivirt._kerberos", "trivirt.codec._encode", "trivirt.configuration"),
        *("trivirt.inventory", "trivirt.jobs", "trivirt.model._pages", "trivirt.model._plain"),
        *("trivirt.model._streamed", "trivirt.simulator", "trivirt.sync", "trivirt.wire._line"),
        "trivirt.wire._tunnel",
    }
    assert not loaded & {
        *("concurrent.futures", "dataclasses", "decimal", "html", "html.entities", "json"),
        *("email.utils", "spnego"),
    }


@pytest.mark.parametrize("name", trivirt.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(trivirt, name) is not None
    assert name in dir(trivirt)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = trivirt.nope
