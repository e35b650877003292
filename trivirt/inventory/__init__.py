"""A picture of an engine: what to read (`Plan`), the reading (`open_run`), the plain data.

`_plan` is pure, `_run` owns the tasks, `_shape` knows what a result looks like outside of Python.

    async with open_run(engine, VMS) as run:
        async for record in run:
            print(record.item.name, len(record.parts["nics"] or ()))
"""

from __future__ import annotations

from trivirt.inventory._plan import VMS, Plan
from trivirt.inventory._run import Progress, Record, Run, open_run
from trivirt.inventory._shape import document, engine_facts, plain_record, totals

__all__ = [
    "VMS",
    "Plan",
    "Progress",
    "Record",
    "Run",
    "document",
    "engine_facts",
    "open_run",
    "plain_record",
    "totals",
]
