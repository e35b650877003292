"""Jobs: what the engine tells about commands while they run and for a while afterwards."""

from __future__ import annotations

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._durations import Durations
from trivirt.simulator._store import Entry, Store, reference

Step, Status = types.StepEnum, types.StepStatus


class Jobs:
    """The jobs of one engine; they vanish some time after their end."""

    def __init__(self, store: Store, durations: Durations) -> None:
        self._store = store
        self._durations = durations

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
        kept = self._durations.failed_job_kept if failed else self._durations.job_kept
        store.after(kept, lambda: store.remove(job))
