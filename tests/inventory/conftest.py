from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

import trivirt
from trivirt.inventory import open_store
from trivirt.simulator import SimulatedEngine
from trivirt.wire import Request

# What differs between two runs of the same engine, and must.
MOMENTS = frozenset({"started", "ended", "requests", "sessions", "number"})


@pytest.fixture
def simulated():
    """An engine in this process; a test that wants another size makes its own."""
    return SimulatedEngine(vms=30)


@asynccontextmanager
async def client_of(simulated, **options):
    async with simulated.in_process() as here:
        async with trivirt.open_engine(
            here.url,
            username=here.username,
            password=here.password,
            network_backend=here.network_backend,
            retries=trivirt.Retries(attempts=0),
            **options,
        ) as engine:
            yield engine


@pytest.fixture
def connect():
    """A client of a simulated engine, for as long as a block lasts."""
    return client_of


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "inventory.sqlite") as keeper:
        yield keeper


def content(store):
    """All that a store holds of engines, as {table: rows}, but for the records of runs."""
    names = [name for (name,) in store.select("SELECT name FROM sqlite_master WHERE type='table'")]
    tables = {name: store.table(name) for name in names if name not in ("run", "engine")}
    return {name: sorted(rows, key=repr) for name, (rows, _) in tables.items()}


@pytest.fixture
def rows_of_all():
    return content


class Another:
    """Another client of a simulated engine, whose requests happen at once, past any network."""

    def __init__(self, simulated):
        self._simulated = simulated
        # Its own hands, so that a test that watches the engine's does not see this client.
        self._handle = simulated.handle
        form = "grant_type=password&scope=ovirt-app-api&username=admin%40internal"
        answer = self._handle(
            Request(
                "POST",
                "/ovirt-engine/sso/oauth/token",
                (
                    ("accept", "application/json"),
                    ("content-type", "application/x-www-form-urlencoded"),
                ),
                f"{form}&password={simulated.password}".encode(),
            )
        )
        self._token = json.loads(answer.body)["access_token"]

    def __call__(self, method, path, body=""):
        headers = [("accept", "application/xml"), ("authorization", f"Bearer {self._token}")]
        if body:
            headers.append(("content-type", "application/xml"))
        asked = Request(method, f"/ovirt-engine/api{path}", tuple(headers), body.encode())
        answer = self._handle(asked)
        assert answer.status < 400, (answer.status, answer.body)
        return answer.body.decode()


@pytest.fixture
def make_another():
    return Another


@pytest.fixture
def another(simulated):
    return Another(simulated)
