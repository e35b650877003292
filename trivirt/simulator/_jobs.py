"""Jobs: what the engine tells about commands while they run and for a while afterwards."""

from __future__ import annotations

from collections import deque

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._durations import Durations
from trivirt.simulator._store import Entry, Store, reference

Step, Status = types.StepEnum, types.StepStatus


MOST = 10_000  # ended jobs that are shown; the oldest vanish early when there are more


class Jobs:
    """The jobs of one engine; they vanish some time after their end."""

    def __init__(self, store: Store, durations: Durations) -> None:
        self._store = store
        self._durations = durations
        self._finished: deque[tuple[float, Entry]] = deque()  # with the time when they vanish
        self._failed: deque[tuple[float, Entry]] = deque()

    def begin(self, description: str, owner: types.User | None, correlation_id: str) -> Entry:
        """A job that is being executed; it was found valid already."""
        store, now = self._store, self._store.clock.date(self._store.now)
        job = types.Job(
            id=store.new_id(),
            description=description,
            auto_cleared=True,
            external=False,
            last_updated=now,
            owner=owner,
            start_time=now,
            status=types.JobStatus.STARTED,
        )
        entry = store.add("/jobs", job)
        entry.note = correlation_id
        for number, kind in enumerate((Step.VALIDATING, Step.EXECUTING)):
            step = types.Step(
                id=store.new_id(),
                description=kind.value.capitalize(),
                external=False,
                number=number,
                start_time=now,
                status=Status.STARTED,
                type=kind,
                job=reference(types.Job, "/jobs", entry.id),
            )
            if kind is Step.VALIDATING:
                step.status, step.end_time = Status.FINISHED, now
            store.add(f"{entry.path}/steps", step)
        return entry

    def end(self, job: Entry, *, failed: bool = False) -> None:
        """Over, and its steps as well."""
        store, now = self._store, self._store.clock.date(self._store.now)
        status = types.JobStatus.FAILED if failed else types.JobStatus.FINISHED
        store.replace(job, status=status, end_time=now, last_updated=now)
        for step in store.collection(f"{job.path}/steps"):
            if settled(step.value)["status"] is Status.STARTED:
                store.replace(step, status=Status(status.value), end_time=now)
        if failed:
            self._show_for(self._durations.failed_job_kept, job, self._failed)
        else:
            self._show_for(self._durations.job_kept, job, self._finished)

    def _show_for(self, seconds: float, job: Entry, ended: deque[tuple[float, Entry]]) -> None:
        ended.append((self._store.now + seconds, job))
        if len(ended) == 1:
            self._store.after(seconds, lambda: self._clean(ended))
        elif len(ended) > MOST:
            self._store.remove(ended.popleft()[1])

    def _clean(self, ended: deque[tuple[float, Entry]]) -> None:
        """One timer at a time is enough for all of them."""
        now = self._store.now
        while ended and ended[0][0] <= now:
            self._store.remove(ended.popleft()[1])
        if ended:
            self._store.after(ended[0][0] - now, lambda: self._clean(ended))
