from __future__ import annotations

import pytest

from trivirt.cli import _demo
from trivirt.cli._demo import Reading
from trivirt.cli._failure import Failure
from trivirt.cli._jobs import Way
from trivirt.inventory import VMS, choose, open_store
from trivirt.inventory._schema import table_of
from trivirt.inventory._store import Batch, EngineFacts
from trivirt.types import Vm


async def test_results_that_differ_are_noticed():
    def fill(store, name):
        record = store.begin(EngineFacts("demo", "u"), VMS, choose(VMS), (None, ()))
        batch, table = Batch(), table_of("vms")
        batch.add([(table, table.row("demo", None, 0, Vm(id="1", name=name)))])
        store.write(batch, record, 1)

    async with open_store(":memory:") as one, open_store(":memory:") as other:
        readings = [Reading(Way(1, 1), None, one), Reading(Way(10, 1), None, other)]
        fill(one.store, "a")
        fill(other.store, "a")
        _demo._check_equal(readings)
        fill(other.store, "b")
        with pytest.raises(Failure, match=r"'one request after the other' is not equal to '10 con"):
            _demo._check_equal(readings)
