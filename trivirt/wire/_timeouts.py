"""How long each phase of a request may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trivirt._value import Value, replaced
from trivirt.errors import TimedOut, UsageError

_changes: ContextVar[dict[str, float] | None] = ContextVar("trivirt timeouts", default=None)


class Timeouts(Value, kw_only=True):
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

    def _check(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise UsageError(f"Timeouts({name}={value!r}): seconds above 0, or math.inf")

    def here(self) -> Timeouts:
        """These, changed by the `timeouts` blocks around the caller."""
        changes = _changes.get()
        return self if changes is None else replaced(self, **changes)


def timeouts_changed() -> bool:
    """Whether there is a `timeouts` block around the caller."""
    return _changes.get() is not None


@contextmanager
def timeouts(
    *,
    first_byte: float | None = None,
    silence: float | None = None,
    answer: float | None = None,
) -> Iterator[None]:
    """Change the limits for the requests made in a `with` block, and in tasks started there.

    None leaves a limit as it is around the block; `math.inf` lifts it. Raises UsageError.
    """
    given = {"first_byte": first_byte, "silence": silence, "answer": answer}
    changes = {name: value for name, value in given.items() if value is not None}
    Timeouts(**changes)  # Checked here, not at the first request.
    token = _changes.set({**(_changes.get() or {}), **changes})
    try:
        yield
    finally:
        _changes.reset(token)


def overdue(host: str, limits: Timeouts, waited: float, in_answer: bool) -> TimedOut:
    """The error for an answer that did not come, or not all of it, within its limits."""
    if in_answer:
        what = (
            f"The answer of {host} was not complete after {waited:.3g} s (limits: "
            f"{limits.answer:g} s for all of it, {limits.silence:g} s without a byte)"
        )
    else:
        what = f"{host} did not answer within {limits.first_byte:g} s"
    return TimedOut(what, sent=True)
