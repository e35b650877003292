"""trivirt's inventory job: the same workload into an SQLite file, with record and all.

A driver for the yardstick: `common` is found beside the yardstick's own drivers, on PYTHONPATH.
"""

import os
import sqlite3
import tempfile

import trio
from common import PASSWORD, USER, Run, options
from workload import OPTIONS, depth, load

import trivirt
from trivirt import inventory

args = options(__doc__, **OPTIONS)
PARTS = inventory.VMS["vms"]


async def main(path):
    async with trivirt.open_engine(
        args.url,
        username=USER,
        password=PASSWORD,
        ca_file=args.ca_file,
        connections=args.connections,
        pipeline=depth(args),
    ) as engine:
        async with inventory.open_store(path) as store:
            room = args.connections * depth(args)  # As the command does; its import is large.
            in_flight = room + max(1, room // 4)
            return await inventory.collect(engine, inventory.VMS, store, in_flight=in_flight)


def count(path):
    """What the file holds, as any reader of SQLite sees it."""
    with sqlite3.connect(path) as file:
        (state,) = file.execute("SELECT state FROM run").fetchone()
        if state != "complete":
            raise SystemExit(f"the run is {state}")
        tables = {"vms": "vms", **{part: f"vm_{part}" for part in PARTS}}
        return {
            name: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for name, table in tables.items()
        }


load()
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "inventory.sqlite")
    with Run(args) as run:
        outcome = trio.run(main, path)
        run.check(count(path), outcome.requests)
