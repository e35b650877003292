"""What was asked of the simulated engine, counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

KINDS = ("get", "list", "add", "update", "remove", "action", "other")


@dataclass
class Statistics:
    """Counters since the start or the last reset.

    `most_outstanding` is the largest number of requests that were received and not yet answered
    on one connection: 1 without pipelining. `requests` leaves sign-on out.
    """

    requests: int = 0
    by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    logins: int = 0
    logins_refused: int = 0
    logouts: int = 0
    unauthorized: int = 0
    not_found: int = 0
    refused: int = 0
    faults: int = 0
    connections: int = 0
    open_connections: int = 0
    most_connections: int = 0
    most_outstanding: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0

    def as_dict(self) -> dict[str, object]:
        """What `GET /statistics` of the control port answers."""
        return asdict(self)

    def reset(self) -> None:
        """Back to zero; connections that are open stay counted as open."""
        still_open = self.open_connections
        fresh = Statistics(open_connections=still_open, most_connections=still_open)
        vars(self).update(vars(fresh))

    def count(self, kind: str, status: int) -> None:
        """One answered request of the API."""
        self.requests += 1
        self.by_kind[kind] += 1
        if status < 400:
            return
        if status == 401:
            self.unauthorized += 1
        elif status == 404:
            self.not_found += 1
        else:
            self.refused += 1

    def connected(self) -> None:
        """A client arrived."""
        self.connections += 1
        self.open_connections += 1
        self.most_connections = max(self.most_connections, self.open_connections)

    def disconnected(self) -> None:
        """A client is gone."""
        self.open_connections -= 1
