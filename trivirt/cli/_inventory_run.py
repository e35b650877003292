"""The run behind `trivirt inventory`: jobs, then the file, then what a person wants to know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

import trio

from trivirt import inventory
from trivirt.cli._failure import Failure, sentence
from trivirt.cli._interruption import one_kind_of_signal, until_signal
from trivirt.cli._jobs import Order, Targets, plan_requests, run_jobs
from trivirt.cli._progress import show_progress
from trivirt.cli._report import complain, found_rows, show_table, show_text
from trivirt.errors import StoreError

__all__ = ["run_inventory", "show_plan"]

NOTHING, PARTIAL, INTERRUPTED = 1, 3, 130


def show_plan(targets: Targets, order: Order) -> int:
    """Show what each engine would be asked; give the exit code."""
    found = trio.run(plan_requests, targets, order)
    never = [one for one in found if isinstance(one, inventory.Outcome)]
    for one in found:
        if isinstance(one, inventory.Outcome):
            _complain_of(one)
            continue
        seen, itinerary = one
        show_text(f"{_product(seen.facts)} at {seen.facts.url}")
        show_text(str(itinerary))
        for note in seen.notes:
            show_text(f"Note: {note}.")
    return (PARTIAL if len(never) < len(found) else NOTHING) if never else 0


def run_inventory(
    targets: Targets,
    order: Order,
    out: inventory.Destination | None,
    work: Path | None,
) -> int:
    """Read the engines, write the file, tell what came of it; give the exit code.

    `work` is the file that the run is kept in; None keeps it nowhere.
    """
    # Where an inventory is piped into a program, no word of ours gets in between.
    words = sys.stderr if out is not None and out.is_output else sys.stdout
    new = work is None or not work.exists()
    with redirect_stdout(words), one_kind_of_signal():
        result = trio.run(_run, targets, order, out, work, new)
        _tell(result, out, work)
    return result.code


class Summary(NamedTuple):
    """What is told of one engine: a table below its title, and lines below that."""

    title: str
    rows: list[list[str]]
    lines: list[str]


class Result(NamedTuple):
    """What came of all jobs, and whether they were interrupted, published, and of a new file."""

    outcomes: list[inventory.Outcome]
    interrupted: bool
    published: bool
    new: bool
    refused: StoreError | None = None  # Why the file could not be written.
    summaries: Sequence[Summary] = ()

    @property
    def code(self) -> int:
        if self.interrupted:
            return INTERRUPTED
        return PARTIAL if self.refused else _code(self.outcomes, self.new)


async def _run(
    targets: Targets,
    order: Order,
    out: inventory.Destination | None,
    work: Path | None,
    new: bool,
) -> Result:
    """Read, and put what was read where it belongs, so that words are all that is left to do."""
    outcomes: list[inventory.Outcome] = []
    published, refused = False, None
    with until_signal() as scope:
        # SQLite keeps a database without a name in a temporary file, and removes it.
        async with inventory.open_store(work or "") as keeper:
            with scope:
                with show_progress() as watch:
                    await run_jobs(targets, order, keeper, watch, outcomes)
                try:
                    published = await _export(outcomes, keeper, out, new)
                except StoreError as error:
                    if work is None:
                        raise
                    refused = error  # All that was read is still there.
            result = Result(outcomes, scope.cancelled_caught, published, new, refused)
            summaries = await keeper.do(_summaries, keeper.store, result)
        if work is not None and out is not None:
            try:
                await trio.to_thread.run_sync(_put_away, result, out, work)
            except StoreError as error:
                result = result._replace(published=False, refused=error)
    return result._replace(summaries=summaries)


async def _export(
    outcomes: list[inventory.Outcome],
    keeper: inventory.Keeper,
    out: inventory.Destination | None,
    new: bool,
) -> bool:
    """Write what is no SQLite; tell whether what was read is worth being published."""
    if out is not None:
        await keeper.do(out.sweep)
    worth = any(outcome.ended for outcome in outcomes) and _code(outcomes, new) != NOTHING
    if out is not None and worth and out.form != "sqlite":
        await keeper.do(inventory.export, keeper.store, out)
    return worth


def _put_away(result: Result, out: inventory.Destination, work: Path) -> None:
    """Give the file of the run its name, or remove it, or leave it to the next session."""
    if result.code == NOTHING and result.new:
        work.unlink()
    elif result.published and work != out.path:
        if out.form == "sqlite":
            out.take(work)
        elif all(outcome.ended for outcome in result.outcomes):
            with suppress(StoreError):  # Of somebody who has resumed it in this moment.
                out.discard()


def _code(outcomes: list[inventory.Outcome], new: bool) -> int:
    """The exit code. What goes on with a file has begun with something, if it has begun at all."""
    if all(outcome.state == "complete" for outcome in outcomes):
        return 0
    some = any(
        one.objects or one.state == "complete" or (one.requests and not new) for one in outcomes
    )
    return PARTIAL if some else NOTHING


def _summaries(store: inventory.Store, result: Result) -> list[Summary]:
    """What was found, and what each run took and is worth."""
    outcomes = {outcome.engine: outcome for outcome in result.outcomes}
    engines = {facts.name: facts for facts in store.engines()}
    found = []
    for record in store.runs():
        outcome = outcomes.get(record.engine)
        if outcome is None and not result.interrupted:
            continue  # Of an engine that is in the file, and was not asked now.
        facts = engines[record.engine]
        rows = found_rows(inventory.totals(store, record))
        found.append(Summary(f"{_product(facts)} at {facts.url}", rows, _lines(record, outcome)))
    return found


def _lines(record: inventory.RunRecord, outcome: inventory.Outcome | None) -> list[str]:
    lines = []
    if outcome is not None:
        rate = outcome.requests / outcome.seconds if outcome.seconds else 0.0
        lines.append(
            f"{outcome.requests} requests in {outcome.seconds:.2f} seconds, {rate:.0f} requests/s."
        )
    lines.append(f"{record.verdict[:1].upper()}{record.verdict[1:]}.")
    return lines + [f"Note: {note}." for note in record.notes]


def _product(facts: inventory.EngineFacts) -> str:
    return " ".join(filter(None, (facts.product, facts.version))) or "Engine"


def _tell(result: Result, out: inventory.Destination | None, work: Path | None) -> None:
    """What came of it, where it is now; and what went wrong where no record tells it."""
    for title, rows, lines in result.summaries:
        show_table(title, ["what", "found", "not available"], rows)
        for line in lines:
            show_text(line)
    outcomes, nothing = result.outcomes, result.code == NOTHING
    if nothing and len(outcomes) == 1:
        (outcome,) = outcomes
        raise outcome.error or Failure(outcome.verdict.removeprefix("partial: "))
    for outcome in outcomes:
        if nothing or (outcome.error and not outcome.requests):
            _complain_of(outcome)
    if out is None or nothing:
        return
    if result.refused is not None:
        complain(sentence(result.refused))
    if result.published:
        show_text(f"Written to {out}.")
    elif work is not None and work != out.path:
        show_text(f"{out} was not written; what was read is kept in {work}.")
    ended = all(outcome.ended for outcome in outcomes) and result.refused is None
    if (result.interrupted or not ended) and not out.special:
        show_text("Run the same command with --resume to go on.")


def _complain_of(outcome: inventory.Outcome) -> None:
    why = sentence(outcome.error) if outcome.error else outcome.verdict
    complain(f"{outcome.engine}: {why}")
