"""Every check there is. `nox -s tests` is the one that gates main; see CONTRIBUTING.md."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import nox

nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = False
nox.needs_version = ">=2024.4.15"

VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
GENERATOR = "trivirt/_facts/generate.py"
PYPROJECT = nox.project.load_toml("pyproject.toml")


def _awaken_pyenv() -> None:
    """Pythons that pyenv has installed answer to their names only once they are selected."""
    if shutil.which("pyenv") and "PYENV_VERSION" not in os.environ:
        listed = subprocess.run(
            ["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False
        )
        wanted = [v for v in listed.stdout.split() if v.rpartition(".")[0] in VERSIONS]
        if wanted:
            os.environ["PYENV_VERSION"] = ":".join(wanted)


def _group(name: str) -> list[str]:
    return nox.project.dependency_groups(PYPROJECT, name)


def _install_wheel(session: nox.Session, *extras: str) -> None:
    """Install what users install: the wheel, not the source tree."""
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(dist), ".", silent=True)
    (wheel,) = dist.glob("*.whl")
    session.install(f"{wheel}[{','.join(extras)}]")
    # In an environment that is used again, pip would keep the older wheel of the same version.
    session.install("--force-reinstall", "--no-deps", str(wheel))


def _lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


def _types(session: nox.Session) -> None:
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


def _generate_check(session: nox.Session) -> None:
    session.run("python", GENERATOR, "--check")


def _pytest(session: nox.Session, *args: str) -> None:
    # Outside of the source tree, so that `import trivirt` finds the installed wheel.
    session.run("python", "-P" if session.python != "3.10" else "-I", "-m", "pytest", *args)


@nox.session
def tests(session: nox.Session) -> None:
    """Everything that gates main, on the Python that runs nox, against the built wheel."""
    _install_wheel(session, "cli")
    session.install(*_group("test"), *_group("lint"), *_group("types"))
    _lint(session)
    _generate_check(session)
    _types(session)
    session.run("python", "-I", "-m", "pytest", *session.posargs)


def _versioned(version: str) -> None:
    @nox.session(name=f"tests-{version}", python=version)
    def tests_on(session: nox.Session) -> None:
        _install_wheel(session, "cli")
        session.install(*_group("test"))
        session.run("python", "-I", "-m", "pytest", *session.posargs)

    tests_on.__doc__ = f"The test suite on Python {version}."


_awaken_pyenv()
for _version in VERSIONS:
    _versioned(_version)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    session.install(*_group("lint"))
    _lint(session)


@nox.session
def types(session: nox.Session) -> None:
    """mypy and pyright over the package and over what users are promised."""
    session.install(".[cli]", *_group("types"), *_group("test"))
    _types(session)


@nox.session
def generate(session: nox.Session) -> None:
    """Write types/ and services/ from the facts; `-- --check` only compares."""
    session.run("python", GENERATOR, *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run each example against the simulated engine."""
    _install_wheel(session, "cli")
    session.install(*_group("test"))
    session.run("python", "-I", "-m", "pytest", "tests/examples", *session.posargs)


# What tests/integration runs, and Debian's package of it. These hold programs only: Debian's
# apache2 and tinyproxy would also start servers. gcc and what is called -dev build Python packages.
REAL_SERVERS = {
    "apache2": "apache2-bin",
    "krb5kdc": "krb5-kdc",
    "kadmin.local": "krb5-admin-server",
    "kinit": "krb5-user",
    "tinyproxy": "tinyproxy-bin",
    "qemu-nbd": "qemu-utils",
    "gcc": "gcc",
    "krb5-config": "libkrb5-dev",
    "xml2-config": "libxml2-dev",
    sysconfig.get_path("include") + "/Python.h": "python3-dev",
    "/usr/lib/apache2/modules/mod_auth_gssapi.so": "libapache2-mod-auth-gssapi",
    "virt-v2v": "virt-v2v",
    "nbdkit": "nbdkit-plugin-python",
    "qemu-img": "qemu-utils",
}


# Tests that are skipped where ovirtsdk4 is not, which has no wheels.
BY_THE_SDK = (
    "tests/simulator/test_contract.py",
    "tests/simulator/programs",
    "tests/compat/test_peer.py",
)


def _install_real_servers(session: nox.Session) -> set[str]:
    """Install what is missing, as root on Debian; elsewhere say what it is, and return that."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    missing = {p for name, p in REAL_SERVERS.items() if not shutil.which(name, os.F_OK, path)}
    if not missing:
        return missing
    if os.getuid() or not shutil.which("apt-get"):
        session.warn(f"not installed, so their tests are skipped: {' '.join(sorted(missing))}")
        return missing
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "install", "--yes", "--no-install-recommends", *sorted(missing)]
    session.run("apt-get", "update", external=True, silent=True)
    session.run(*apt, env=env, external=True, silent=True)
    return set()


def _install_what_can_be(session: nox.Session, packages: list[str]) -> None:
    """Install each package for itself; say which cannot be, for want of a compiler or a library."""
    for package in packages:
        try:
            session.install(package, silent=True)
        except nox.command.CommandFailed:
            session.warn(f"{package} cannot be installed, so its tests are skipped")


@nox.session
def integration(session: nox.Session) -> None:
    """The tests with a real Apache, KDC, proxy and programs of others, all on loopback."""
    if _install_real_servers(session):
        _install_wheel(session, "cli")
        session.install(*_group("test"))
        extra = PYPROJECT["project"]["optional-dependencies"]["kerberos"]
        _install_what_can_be(session, [*extra, *_group("integration")])
    else:
        _install_wheel(session, "cli", "kerberos")
        session.install(*_group("test"), *_group("integration"))
    # Clients of many clouds: only what they need for oVirt is in the group above.
    session.install("--no-deps", "kcli", "wrapanapi>=4")
    session.run("python", "-I", "-m", "pytest", "tests/integration", "-v", *session.posargs)
    session.run("python", "-I", "-m", "pytest", "-rs", *BY_THE_SDK)
    storm = {"TRIVIRT_STORM": "108000"}
    session.run("python", "-I", "-m", "pytest", "tests/wire/test_storm.py", "-s", env=storm)


@nox.session
def survival(session: nox.Session) -> None:
    """A hundred inventories under accidents of each kind, and one of 100,000 VMs: an hour."""
    _install_wheel(session, "cli")
    session.install(*_group("test"))
    session.run(
        *("python", "-I", "-m", "pytest", "tests/inventory/test_survival.py", "-s", "-v"),
        "--timeout=7200",  # A hundred runs are one test.
        *session.posargs,
        env={"TRIVIRT_SURVIVAL": os.environ.get("TRIVIRT_SURVIVAL", "100")},
    )


@nox.session
def bench(session: nox.Session) -> None:
    """The speed of trivirt beside its peers, in one table; needs the yardstick."""
    _install_wheel(session, "cli")
    session.install(*_group("bench"))
    session.run("python", "tests/benchmarks/run.py", *session.posargs)
    if not session.posargs:
        session.run("python", "tests/benchmarks/wire.py")
        session.run("python", "tests/benchmarks/surface.py")
        session.run("python", "tests/benchmarks/blocking.py")
        session.run("python", "tests/benchmarks/inventory.py")
        session.run("python", "tests/benchmarks/simulator.py")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile input for the codec and the simulated engine, a minute each, or `-- --seconds N`."""
    session.install(".", *_group("test"))
    session.run("python", "tests/fuzz/codec.py", *session.posargs)
    session.run("python", "tests/fuzz/simulator.py", *session.posargs)
