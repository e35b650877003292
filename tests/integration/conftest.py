"""Real servers around the simulated engine. A file whose servers are not installed is skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import apache
import kerberos
import pytest

from trivirt.simulator import Served, SimulatedEngine, serve


@pytest.fixture
def simulated() -> SimulatedEngine:
    """An engine without a front end's limits of its own: the real front end shall set them."""
    return SimulatedEngine(
        400, keepalive_requests=None, idle_timeout=600, remote_user_header="X-Remote-User"
    )


@pytest.fixture
async def served(simulated: SimulatedEngine) -> AsyncIterator[Served]:
    """The engine on TCP, with TLS."""
    async with serve(simulated) as found:
        yield found


@pytest.fixture
def httpd(served: Served) -> Iterator[apache.Apache]:
    """Apache httpd in front of the engine."""
    with apache.apache(served.url) as running:
        yield running


@pytest.fixture(scope="session")
def kdc() -> Iterator[kerberos.Kdc]:
    """A KDC for all tests."""
    with kerberos.kdc() as running:
        yield running


@pytest.fixture
def tickets(kdc: kerberos.Kdc, monkeypatch: pytest.MonkeyPatch) -> kerberos.Kdc:
    """This process as the user who has just run kinit."""
    for name, value in kdc.env.items():
        monkeypatch.setenv(name, value)
    kdc.sign_on()
    return kdc
