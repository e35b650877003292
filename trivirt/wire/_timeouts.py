"""How long each phase of a request may take."""

from __future__ import annotations

from dataclasses import dataclass

from trivirt.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds for each phase; `math.inf` lifts a limit.

    A request that waits for its turn, here or behind others on its connection, spends none of
    them: `first_byte` and `answer` count from the moment when the server owes nothing but this
    answer. Some operations hold an answer for minutes (restoring a snapshot does, oVirt 4.5);
    Apache gives up on the engine after an hour.
    """

    connect: float = 10.0  #: TCP, and a proxy where there is one.
    tls: float = 10.0  #: The TLS handshake.
    sign_on: float = 30.0  #: Getting a token, or giving one back.
    first_byte: float = 300.0  #: Until the answer begins.
    silence: float = 60.0  #: Between two reads of one answer.
    answer: float = 1800.0  #: Until the answer is complete.

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise UsageError(f"Timeouts({name}={value!r}): seconds above 0, or math.inf")
