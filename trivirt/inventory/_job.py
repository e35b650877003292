"""An inventory job: one engine, one file, from the first look to the verdict.

A job does not lose what it has. However it ends - by itself, by a deadline, because it was
cancelled, because the engine or the disk gave up - what was answered is written, and the record
of the run says what came of it:

    complete                                      as the engine was when the job ended
    complete with N objects changed meanwhile     likewise; so many were read a second time
    partial: why                                  `collect(..., resume=True)` goes on from there

Only a kill leaves the word `partial: it has not ended`, which is true as well.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import trio

from trivirt.errors import Error, StoreError
from trivirt.inventory._changes import Reconciler
from trivirt.inventory._keeper import Keeper, KeptDone, keep_answers
from trivirt.inventory._look import Cursor, Look, look, still_known
from trivirt.inventory._plan import VMS, Plan
from trivirt.inventory._run import Progress, Run, open_run
from trivirt.inventory._store import RunRecord
from trivirt.inventory._ways import choose
from trivirt.inventory._work import Done, Nothing

if TYPE_CHECKING:
    from trivirt.engine import Engine

__all__ = ["How", "Outcome", "cause_of", "collect"]

log = logging.getLogger("trivirt.inventory")

How = Literal["full", "resume", "update"]

_INTERRUPTIONS = (trio.Cancelled, KeyboardInterrupt)


@dataclass(frozen=True)
class Outcome:
    """What became of a job. `state` is `complete` or `partial`, and `verdict` says it in words.

    `ended` tells whether every request was made, even if some were refused; if not, resuming goes
    on. `error` is what ended it early, None when it was something else. `seconds`, `requests` and
    `objects` are of this session alone.
    """

    engine: str
    state: str
    verdict: str
    notes: tuple[str, ...]
    requests: int
    objects: int
    seconds: float
    changed: int
    ended: bool
    error: Error | None = None

    @classmethod
    def never(cls, engine: str, error: Error, seconds: float) -> Outcome:
        """Of a job that could not begin."""
        return cls(engine, "partial", f"partial: {error}", (), 0, 0, seconds, 0, False, error)


async def collect(
    engine: Engine,
    plan: Plan | None,
    keeper: Keeper,
    *,
    name: str | None = None,
    how: How = "full",
    ways: Mapping[str, str] | None = None,
    in_flight: int = 80,
    seconds: float | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Read what the plan names from the engine into the store.

    Without a plan it is that of the last run in the store, or `VMS` when there was none. `name` is
    what the engine is called there, its host when None. With `how="resume"` the last run
    goes on, if it has not ended well and was of the same plan; with `"update"` what is there is
    brought up to date by the events since; both begin anew where that is not possible. `ways`
    forces ways (see `choose`). After `seconds` it stops where it is.

    Whatever ends a run early is told in the outcome, and is no exception; a StoreError before it
    has begun is. Cancelled, it writes what it has and says so in the record.
    """
    job = _Job(engine, plan, keeper, name, ways, in_flight, watch)
    limit = float("inf") if seconds is None else seconds
    with trio.move_on_after(limit) as deadline:
        try:
            return await job.run(how)
        except BaseException as error:
            if not any(isinstance(leaf, _INTERRUPTIONS) for leaf in _leaves(error)):
                raise
            late = trio.current_time() >= deadline.deadline
            why = f"the deadline of {limit:g} s has passed" if late else "interrupted"
            outcome = None
            with trio.CancelScope(shield=True):
                outcome = await job.stop(why)
            if late and outcome is not None:
                return outcome
            # Raises Cancelled alone, and not what else happened at that moment.
            await trio.lowlevel.checkpoint()
            raise
    raise AssertionError("unreachable: the block returns or raises")


class _Job:
    def __init__(
        self,
        engine: Engine,
        plan: Plan | None,
        keeper: Keeper,
        name: str | None,
        ways: Mapping[str, str] | None,
        in_flight: int,
        watch: Callable[[Progress], None] | None,
    ) -> None:
        self._engine, self._keeper = engine, keeper
        self._wanted, self._plan = plan, plan or VMS
        self._name, self._ways, self._in_flight, self._watch = name, ways, in_flight, watch
        self._started = trio.current_time()
        self._read_requests = self._other_requests = self._changed = 0
        self._objects = 0
        self._ended = False
        self._notes: list[str] = []
        self._record: RunRecord | None = None
        self._cursor = Cursor()

    async def run(self, how: How) -> Outcome:
        try:
            seen = await self._look()
            last = await self._keeper.do(self._keeper.store.last_run, seen.facts.name)
            if self._wanted is None and last is not None:
                self._plan = last.plan
            mode = await self._mode(how, last, seen)
            record = await self._begin(mode, last, seen)
            if mode != "update":
                await self._read(record, Nothing() if mode == "full" else None)
            await self._catch_up(record, again=mode != "full")
            return await self._finish(record)
        except BaseException as error:
            cause = cause_of(error)
            if cause is None or (isinstance(cause, StoreError) and self._record is None):
                raise
            return await self.stop(str(cause), cause)

    # Before.

    async def _look(self) -> Look:
        seen = await look(self._engine, self._name)
        self._other_requests += 2
        self._notes += seen.notes
        return seen

    async def _mode(self, how: How, last: RunRecord | None, seen: Look) -> How:
        """What can be done of what was asked for."""
        if how == "full":
            return "full"
        if last is None:
            self._notes.append("the file had nothing of this engine, so everything was read")
            return "full"
        if await self._is_another(seen):
            self._notes.append(
                "another engine has this name now, so everything was read again; what the file had "
                "of the earlier one is gone"
            )
            return "full"
        if last.plan != self._plan:
            self._notes.append("the file has another plan, so everything was read again")
            return "full"
        if not await self._keeper.do(self._keeper.store.holds, self._plan):
            self._notes.append("an earlier trivirt kept less of it, so everything was read again")
            return "full"
        unfinished = last.state != "complete"
        if how == "resume" and not unfinished:
            return "update"
        cursor = _cursor(last)
        self._other_requests += 1
        if cursor.newest is None and unfinished:
            return "resume"
        if not await still_known(self._engine, cursor):
            self._notes.append("events since the last run are gone, so everything was read again")
            return "full"
        return "resume" if unfinished else "update"

    async def _is_another(self, seen: Look) -> bool:
        """Whether the engine is not the one that the file knows by its name, as after a new setup.

        Its events would not tell: they are counted from one again.
        """
        engines = await self._keeper.do(self._keeper.store.engines)
        kept = next((facts for facts in engines if facts.name == seen.facts.name), seen.facts)
        ids = {kept.instance_id, seen.facts.instance_id} - {None}
        return len(ids) > 1

    async def _begin(self, mode: How, last: RunRecord | None, seen: Look) -> RunRecord:
        store = self._keeper.store
        if mode == "resume" and last is not None:
            await self._keeper.do(store.resume, last)
            self._notes = [*last.notes, *(n for n in self._notes if n not in last.notes)]
            self._record, self._cursor = last, _cursor(last)
            return last
        if mode == "update" and last is not None:
            ways, self._cursor = last.ways, _cursor(last)
        else:
            ways, self._cursor = choose(self._plan, seen.offer, force=self._ways), seen.cursor
        events = self._cursor.newest, self._cursor.seen
        begin = lambda: store.begin(seen.facts, self._plan, ways, events, keep=mode == "update")  # noqa: E731
        self._record = await self._keeper.do(begin)
        return self._record

    # The work.

    async def _read(self, record: RunRecord, done: Done | None) -> None:
        """Read what is not `done`; what is kept tells that, when it is None."""
        run: Run | None = None
        try:
            async with open_run(
                self._engine,
                record.ways,
                in_flight=self._in_flight,
                done=done or KeptDone(self._keeper, record.engine),
                watch=self._watch,
            ) as run:
                await keep_answers(run, self._keeper, record)
        finally:
            if run is not None:
                self._read_requests, self._objects = run.requests, run.objects
                self._notes += [note for note in run.notes if note not in self._notes]
                if run.pace.cuts:
                    self._notes.append(f"the engine was slow: backed off {run.pace.cuts} times")

    async def _catch_up(self, record: RunRecord, *, again: bool) -> None:
        if self._cursor.newest is None:
            return
        reconciler = Reconciler(self._engine, self._keeper, record, min(self._in_flight, 16))
        try:
            self._cursor = await reconciler.catch_up(self._cursor, again=again)
        finally:
            self._other_requests += reconciler.requests
            self._changed = reconciler.changed
            self._notes += reconciler.notes

    # After.

    async def _finish(self, record: RunRecord) -> Outcome:
        self._ended = True
        failed = await self._keeper.do(self._keeper.store.special, record.engine, "failed")
        if failed:
            unit, why = failed[0]
            more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
            return await self._end("partial", f"partial: {unit}: {why}{more}")
        if not self._changed:
            return await self._end("complete", "complete")
        what = "object" if self._changed == 1 else "objects"
        return await self._end(
            "complete", f"complete with {self._changed} {what} changed meanwhile"
        )

    async def stop(self, why: str, error: Error | None = None) -> Outcome:
        """Say in the record why it ends here; a full disk cannot take that, and has not ended."""
        try:
            return await self._end("partial", f"partial: {why}", error)
        except StoreError as refused:
            log.warning("%s", refused)
            return self._outcome("partial", f"partial: {why}", error or refused)

    async def _end(self, state: str, verdict: str, error: Error | None = None) -> Outcome:
        record, store = self._record, self._keeper.store
        if record is not None:
            facts: dict[str, Any] = {
                "state": state,
                "verdict": verdict,
                "notes": json.dumps(self._notes),
            }
            if state == "complete":
                facts["event_last"] = self._cursor.newest
                facts["events_seen"] = json.dumps(self._cursor.seen)
            requests = (
                self._other_requests
            )  # Those of the reading were counted as they were written.
            await self._keeper.do(lambda: store.end(record, requests, **facts))
        return self._outcome(state, verdict, error)

    def _outcome(self, state: str, verdict: str, error: Error | None) -> Outcome:
        return Outcome(
            self._record.engine if self._record else self._name or self._engine.url,
            state,
            verdict,
            tuple(self._notes),
            self._read_requests + self._other_requests,
            self._objects,
            trio.current_time() - self._started,
            self._changed,
            self._ended,
            error,
        )


def _cursor(record: RunRecord) -> Cursor:
    newest = record.event_last if record.state == "complete" else record.event_first
    return Cursor(newest, record.events_seen)


def cause_of(error: BaseException) -> Error | None:
    """The error that ended a run; None when there is any that is no affair of engine or disk."""
    leaves = list(_leaves(error))
    causes = [leaf for leaf in leaves if isinstance(leaf, Error)]
    if len(causes) < len(leaves):
        return None
    # A disk that is full explains why the rest was given up.
    return min(causes, key=lambda one: not isinstance(one, StoreError))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    # By its attribute: before Python 3.11 the class of groups is not a builtin.
    inside = getattr(error, "exceptions", None)
    if isinstance(inside, tuple):
        for inner in inside:
            yield from _leaves(inner)
    else:
        yield error
