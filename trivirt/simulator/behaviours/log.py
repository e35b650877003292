"""Events that other systems write into the log."""

from __future__ import annotations

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command
from trivirt.simulator._events import is_known
from trivirt.simulator._refusals import conflict, incomplete


def add(command: Command, event: types.Event) -> None:
    """Each is told of once, under a number of the system that it comes from."""
    for name in ("origin", "severity", "custom_id", "description"):
        if settled(event).get(name) is None:
            raise incomplete("Event", name.replace("_i", "I"), "add")
    if (event.origin or "").lower() == "ovirt":
        raise conflict("Cannot add External Event. The origin is reserved.")
    if is_known(command.store, event.origin or "", event.custom_id or 0):
        raise conflict("Cannot add External Event. One of this origin and id is there already.")


ADDING = {"EventsService": add}
