"""Which stretches of an image were written, between which checkpoints."""

from __future__ import annotations

Stretch = tuple[int, int]  # start and end
GRAIN = 65536  # what a bitmap of QEMU tells apart
MANY = 1000


class Changes:
    """The writes to one image; `epochs` are those up to each mark, and those after the last."""

    def __init__(self) -> None:
        self.marks: list[str] = []
        self.epochs: list[list[Stretch]] = [[]]

    def wrote(self, start: int, end: int) -> None:
        """Something was written there."""
        now = self.epochs[-1]
        now.append((start // GRAIN * GRAIN, -(-end // GRAIN) * GRAIN))
        if len(now) > MANY:
            now[:] = joined(now)

    def mark(self, name: str) -> None:
        """A checkpoint is made."""
        self.marks.append(name)
        self.epochs.append([])

    def between(self, since: str, until: str | None) -> list[Stretch]:
        """What was written from one mark to another; marks that are not known are far away."""
        first = self.marks.index(since) + 1 if since in self.marks else 0
        last = self.marks.index(until) + 1 if until in self.marks else len(self.epochs)
        return joined([each for epoch in self.epochs[first:last] for each in epoch])


def joined(stretches: list[Stretch]) -> list[Stretch]:
    """In order, and none that touches another."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found
