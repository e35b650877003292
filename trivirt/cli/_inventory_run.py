"""The run behind `trivirt inventory`: jobs, then the file, then what a person wants to know."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import trio

from trivirt import inventory
from trivirt.cli._failure import Failure, sentence
from trivirt.cli._jobs import Jobs, Order, plan_requests, run_jobs
from trivirt.cli._progress import show_progress
from trivirt.cli._report import complain, found_rows, show_table, show_text
from trivirt.cli._sign_on import Target

__all__ = ["run_inventory", "show_plan"]

NOTHING, PARTIAL, INTERRUPTED = 1, 3, 130


def show_plan(targets: Mapping[str | None, Target], order: Order) -> int:
    """Show what each engine would be asked."""
    for seen, itinerary in trio.run(plan_requests, targets, order):
        show_text(f"{_product(seen.facts)} at {seen.facts.url}")
        show_text(str(itinerary))
        for note in seen.notes:
            show_text(f"Note: {note}.")
    return 0


def run_inventory(
    targets: Mapping[str | None, Target],
    order: Order,
    out: inventory.Destination | None,
    work: Path | None,
) -> int:
    """Read the engines, write the file, tell what came of it; give the exit code.

    `work` is the file that the run is kept in; None keeps it nowhere.
    """
    # Where an inventory is piped into a program, no word of ours gets in between.
    words = sys.stderr if out is not None and out.is_output else sys.stdout
    with redirect_stdout(words):
        return _run_and_tell(targets, order, out, work)


def _run_and_tell(
    targets: Mapping[str | None, Target],
    order: Order,
    out: inventory.Destination | None,
    work: Path | None,
) -> int:
    new = work is not None and not work.exists()
    jobs, published = trio.run(_run, targets, order, out, work)
    code = _code(jobs)
    if work is not None and out is not None:
        if code == NOTHING and new:
            work.unlink()
        elif published and work != out.path:
            if out.form == "sqlite":
                out.take(work)
            elif all(outcome.ended for outcome in jobs.outcomes):
                out.discard()
    _tell(jobs, order, out, code, published)
    return code


async def _run(
    targets: Mapping[str | None, Target],
    order: Order,
    out: inventory.Destination | None,
    work: Path | None,
) -> tuple[Jobs, bool]:
    """Everything that needs the store to be open. Tells whether the file may be published."""
    # SQLite keeps a database without a name in a temporary file, and removes it.
    async with inventory.open_store(work or "") as keeper:
        with show_progress() as watch:
            jobs = await run_jobs(targets, order, keeper, watch)
        published = not jobs.interrupted and any(outcome.ended for outcome in jobs.outcomes)
        published = published and _code(jobs) != NOTHING
        if out is not None and published and out.form != "sqlite":
            await keeper.do(inventory.export, keeper.store, out)
        await keeper.do(_show, keeper, jobs)
    return jobs, published


def _code(jobs: Jobs) -> int:
    if jobs.interrupted:
        return INTERRUPTED
    if all(outcome.state == "complete" for outcome in jobs.outcomes):
        return 0
    return PARTIAL if any(outcome.objects for outcome in jobs.outcomes) else NOTHING


def _show(keeper: inventory.Keeper, jobs: Jobs) -> None:
    """What was found, and what each run took and is worth."""
    outcomes = {outcome.engine: outcome for outcome in jobs.outcomes}
    engines = {facts.name: facts for facts in keeper.store.engines()}
    for record in keeper.store.runs():
        outcome = outcomes.get(record.engine)
        if outcome is None and not jobs.interrupted:
            continue  # Of an engine that is in the file, and was not asked now.
        facts = engines[record.engine]
        rows = found_rows(inventory.totals(keeper.store, record))
        show_table(f"{_product(facts)} at {facts.url}", ["what", "found", "not available"], rows)
        if outcome is not None:
            rate = outcome.requests / outcome.seconds if outcome.seconds else 0.0
            show_text(
                f"{outcome.requests} requests in {outcome.seconds:.2f} seconds, "
                f"{rate:.0f} requests/s."
            )
        show_text(f"{record.verdict[:1].upper()}{record.verdict[1:]}.")
        for note in record.notes:
            show_text(f"Note: {note}.")


def _product(facts: inventory.EngineFacts) -> str:
    return " ".join(filter(None, (facts.product, facts.version))) or "Engine"


def _tell(
    jobs: Jobs, order: Order, out: inventory.Destination | None, code: int, published: bool
) -> None:
    """Where it is now; and what went wrong where there is no record to tell it."""
    never = [outcome for outcome in jobs.outcomes if not outcome.requests and outcome.error]
    if code == NOTHING and len(jobs.outcomes) == 1:
        (outcome,) = jobs.outcomes
        raise outcome.error or Failure(outcome.verdict.removeprefix("partial: "))
    for outcome in never if code != NOTHING else jobs.outcomes:
        why = sentence(outcome.error) if outcome.error else outcome.verdict
        complain(f"{outcome.engine}: {why}")
    if out is None or code == NOTHING:
        return
    unfinished = jobs.interrupted or not all(outcome.ended for outcome in jobs.outcomes)
    if published:
        show_text(f"Written to {out}.")
    elif out.form != "sqlite":
        show_text(f"{out} was not written; what was read is kept in {out.part}.")
    if unfinished and not out.special:
        show_text("Run the same command with --resume to go on.")
