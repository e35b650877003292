"""How long things take in the engine's own time."""

from __future__ import annotations

from dataclasses import dataclass

from trivirt.model import OpenEnum


@dataclass
class Durations:
    """How long entities stay in the states that pass by themselves, in seconds.

    The names are those of the states. `locked` is for disks, snapshots, templates and storage
    domains; what moves much data takes `copying`. `job_kept` and `failed_job_kept` tell how long
    jobs are shown after their end, `transfer_kept` and `failed_transfer_kept` the same for image
    transfers: 0 makes them vanish at once, as engines before 4.4.7 did.
    """

    # Virtual machines.
    wait_for_launch: float = 1.0
    powering_up: float = 3.0
    powering_down: float = 2.0
    reboot_in_progress: float = 3.0
    saving_state: float = 3.0
    restoring_state: float = 2.0
    migrating: float = 4.0
    image_locked: float = 3.0
    # Storage.
    locked: float = 2.0
    copying: float = 4.0
    preparing_for_maintenance: float = 2.0
    activating: float = 2.0
    detaching: float = 2.0
    # Hosts.
    installing: float = 2.0
    initializing: float = 1.0
    reboot: float = 2.0
    unassigned: float = 2.0
    checking: float = 2.0
    # Image transfers and backups.
    starting: float = 1.0
    resuming: float = 1.0
    finalizing: float = 1.0
    cancelled: float = 1.0
    # What is shown after its end.
    job_kept: float = 600.0
    failed_job_kept: float = 3600.0
    transfer_kept: float = 900.0
    failed_transfer_kept: float = 1800.0

    def of(self, state: OpenEnum) -> float:
        """Of a state, by its name; those that are not named here pass at once."""
        seconds: float = getattr(self, str(state.value), 0.0)
        return seconds
