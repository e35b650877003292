"""What an inventory reads, as data. Knows the names of collections, not how to reach them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VMS", "Plan"]


@dataclass(frozen=True)
class Plan:
    """One collection of the engine, and what to read below each of its objects.

    All names are those of Python: `collection` is the locator of the list (`vms`), `item` the
    locator of one object in it (`vm`), `parts` are locators of that object (`disk_attachments`).
    """

    collection: str
    item: str
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.parts)) != len(self.parts):
            raise ValueError(f"a part is named twice in {self.parts}")

    def requests(self, items: int) -> int:
        """How many requests it takes when the collection holds so many items."""
        return 1 + items * len(self.parts)

    def __str__(self) -> str:
        below = ", ".join(self.parts) or "nothing"
        return f"{self.collection}, and of each: {below}"


VMS = Plan("vms", "vm", ("disk_attachments", "nics", "permissions"))
"""Every virtual machine with its disk attachments, NICs and permissions."""
