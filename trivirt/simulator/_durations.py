"""How long things take in the engine's own time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Durations:
    """How long a VM stays in the states that pass by themselves."""

    wait_for_launch: float = 1.0
    powering_up: float = 3.0
    powering_down: float = 2.0
    reboot_in_progress: float = 3.0
    saving_state: float = 3.0
    restoring_state: float = 2.0
    migrating: float = 4.0
    image_locked: float = 3.0
