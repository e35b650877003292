"""Failures on demand, as vocabulary.

    with engine.faults.reset(after=3) as fault:
        ...                              # the third API request from here ends in a reset
    assert fault.hits == 1

A fault is armed by the call; leaving the block disarms it. Without a block it stays armed until
it has hit `times` times, or until `engine.faults.clear()`. Requests of sign-on are never hit, so
that a client can always come back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, TypedDict

from trivirt.simulator._pages import apache_page, container_page
from trivirt.wire._messages import Request, Response

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Effect(Enum):
    """What becomes of a request that a fault hits."""

    ANSWER = "answer"  # another answer, and the request is not executed
    CLOSE = "close"  # executed, and the answer closes: what is behind it is discarded
    DROP = "drop"  # end of stream in place of an answer
    RESET = "reset"  # the same, as a reset
    STALL = "stall"  # no answer, to this and all that follow on the connection
    TRUNCATE = "truncate"  # the answer breaks off, then end of stream
    SLOW = "slow"  # executed, answered late


class When(TypedDict, total=False):
    """Which requests a fault hits: the keywords that all of them take."""

    after: int  # the request it begins with, counted from 1
    times: int | None  # how many it hits at most; 1 when absent, None is all
    probability: float  # of each of them; 1 when absent
    only: Callable[[Request], bool]  # others are neither hit nor counted


class Fault:
    """One armed failure. `hits` counts the requests it has met."""

    def __init__(
        self,
        owner: Faults,
        effect: Effect,
        when: When,
        *,
        executed: bool = False,
        answer: Response | None = None,
        seconds: float = 0.0,
        keep: int | None = None,
    ) -> None:
        if unknown := sorted(when.keys() - When.__annotations__.keys()):
            raise TypeError(f"faults take no {', '.join(unknown)}")
        self.effect = effect
        self.executed = executed
        self.answer = answer
        self.seconds = seconds
        self.keep = keep
        self.hits = 0
        self._owner = owner
        self._waits = when.get("after", 1) - 1
        self._times = when.get("times", 1)
        self._probability = when.get("probability", 1.0)
        self._only = when.get("only")

    def __repr__(self) -> str:
        return f"<Fault {self.effect.value}, {self.hits} hits>"

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._owner.disarm(self)

    def meets(self, request: Request, chance: random.Random) -> bool:
        """Whether it hits this request; counts it either way."""
        if self._only is not None and not self._only(request):
            return False
        if self._waits > 0:
            self._waits -= 1
            return False
        if self._probability < 1.0 and chance.random() >= self._probability:
            return False
        self.hits += 1
        if self._times is not None and self.hits >= self._times:
            self._owner.disarm(self)
        return True


class Faults:
    """The armed faults of an engine.

    The keywords of `When` go with every method. `executed` tells whether the engine does what
    the request asks before the connection fails.
    """

    def __init__(self, seed: int = 0) -> None:
        self._armed: list[Fault] = []
        self._chance = random.Random(seed)

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __repr__(self) -> str:
        return f"<Faults {self._armed!r}>"

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Those that can still hit."""
        return tuple(self._armed)

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def disarm(self, fault: Fault) -> None:
        """No effect when it is disarmed already."""
        if fault in self._armed:
            self._armed.remove(fault)

    def take(self, request: Request) -> Fault | None:
        """The fault that hits this request; of several the one armed first."""
        for fault in tuple(self._armed):
            if fault.meets(request, self._chance):
                return fault
        return None

    def close(self, **when: Unpack[When]) -> Fault:
        """Answer with `Connection: close`, and discard the requests behind it."""
        return self._arm(Fault(self, Effect.CLOSE, when, executed=True))

    def drop(self, *, executed: bool = False, **when: Unpack[When]) -> Fault:
        """End the connection in place of an answer."""
        return self._arm(Fault(self, Effect.DROP, when, executed=executed))

    def reset(self, *, executed: bool = False, **when: Unpack[When]) -> Fault:
        """Reset the connection in place of an answer."""
        return self._arm(Fault(self, Effect.RESET, when, executed=executed))

    def stall(self, *, executed: bool = False, **when: Unpack[When]) -> Fault:
        """Leave the connection open and never write to it again."""
        return self._arm(Fault(self, Effect.STALL, when, executed=executed))

    def truncate(self, *, keep: int | None = None, **when: Unpack[When]) -> Fault:
        """Send the first `keep` bytes of the answer (None: all but the last 20), then close."""
        return self._arm(Fault(self, Effect.TRUNCATE, when, executed=True, keep=keep))

    def slow(self, seconds: float, **when: Unpack[When]) -> Fault:
        """Take `seconds` longer; what is behind it on the connection waits, too."""
        return self._arm(Fault(self, Effect.SLOW, when, executed=True, seconds=seconds))

    def status(
        self, status: int = 503, *, answer: Response | None = None, **when: Unpack[When]
    ) -> Fault:
        """Answer with `answer`, or the HTML page of that status.

        502 to 504 come from the web server in front, all others from the engine's container.
        """
        if answer is None:
            answer = apache_page(status) if status in (502, 503, 504) else container_page(status)
        return self._arm(Fault(self, Effect.ANSWER, when, answer=answer))

    def refuse_tokens(self, **when: Unpack[When]) -> Fault:
        """Answer 401 to good tokens; they stay good."""
        text = "invalid_grant: The provided authorization grant for the auth code has expired."
        challenge = (("www-authenticate", 'Basic realm="RESTAPI"'),)
        return self.status(401, answer=container_page(401, text, challenge), **when)

    def _arm(self, fault: Fault) -> Fault:
        self._armed.append(fault)
        return fault
