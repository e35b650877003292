"""A picture of an engine that can be stopped, killed and resumed, in a file that others can read.

    plan = Plan({"vms": ["disk_attachments", "nics"], "hosts": []})

    async with open_store("inventory.sqlite") as store:          # into a file
        outcome = await collect(engine, plan, store)
        print(outcome.verdict)

    async with open_run(engine, choose(plan)) as run:            # or as it streams by
        async for item in run:
            print(item.collection, item.part, item.value.id)

From inside out: `_surface` knows what there is to read; `_plan` is what somebody wants, `_ways` how
it is reached best, both pure; `_run` owns the tasks that read; `_schema` makes rows, `_store` keeps
them, `_keeper` stands between both; `_look` and `_changes` know about events; `_job` puts it all
together; `_export` turns the file into others.
"""

from __future__ import annotations

from trivirt.inventory._destination import FORMS, Destination
from trivirt.inventory._export import check_form, engine_document, export, totals
from trivirt.inventory._job import How, Outcome, cause_of, collect
from trivirt.inventory._keeper import Keeper, open_store
from trivirt.inventory._look import Look, look
from trivirt.inventory._plan import PRESETS, VMS, Plan
from trivirt.inventory._run import Item, Progress, Run, open_run
from trivirt.inventory._store import EngineFacts, RunRecord, Store
from trivirt.inventory._ways import Costs, Itinerary, Offer, Route, Way, choose

__all__ = [
    "FORMS",
    "PRESETS",
    "VMS",
    "Costs",
    "Destination",
    "EngineFacts",
    "How",
    "Item",
    "Itinerary",
    "Keeper",
    "Look",
    "Offer",
    "Outcome",
    "Plan",
    "Progress",
    "Route",
    "Run",
    "RunRecord",
    "Store",
    "Way",
    "cause_of",
    "check_form",
    "choose",
    "collect",
    "engine_document",
    "export",
    "look",
    "open_run",
    "open_store",
    "totals",
]
