"""The steps of the checkup that ask the engine itself: sign-on, version, clock, speed."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from statistics import median

from trivirt.cli._finding import Finding, Tell, Trouble
from trivirt.cli._sign_on import Target
from trivirt.engine import Engine, EngineContext
from trivirt.errors import AuthError, Error, TransportError, Unavailable
from trivirt.wire import Request, Response

__all__ = ["AHEAD", "look_at_engine"]

#: Requests to send ahead on one connection, to see whether it bears that.
AHEAD = 8

_SKEW = 60.0  # Seconds by which clocks may differ before logs and certificates suffer.
_OLDEST = (4, 4)  # The oldest engine whose behaviour trivirt knows.
_ROUNDS = 5  # Requests to time, one after the other.
_SLOW = 1.0  # Seconds for a small answer that make every work slow.


async def look_at_engine(context: EngineContext, target: Target, tell: Tell) -> None:
    """Sign on, and look at what answers. Raises Trouble."""
    step, start = "sign-on", time.perf_counter()
    try:
        async with context as engine:
            took = (time.perf_counter() - start) * 1000
            tell(
                Finding(step, "ok", f"{target.username or 'the token'} is in, after {took:.0f} ms")
            )
            step = "version"
            tell(await _version(engine))
            step = "clock"
            seconds, skew = await _rounds(engine)
            tell(_clock(skew))
            tell(_latency(seconds))
            step = "pipelining"
            tell(await _pipelining(engine, median(seconds)))
    except Error as exc:
        raise Trouble(step, str(exc), _mend(exc, target)) from exc


def _mend(error: Error, target: Target) -> str:
    if isinstance(error, AuthError):
        origin = target.origin("password") or target.origin("token")
        secret = f"the password or token (from {origin})" if origin else "the ticket"
        return (
            f"check {secret}, and the user name with its profile: admin@internal, or "
            "admin@ovirt@internalsso where Keycloak is in charge"
        )
    if isinstance(error, Unavailable) and error.status in (502, 503, 504):
        return (
            "wait some minutes if the engine was just started; else look at systemctl status "
            "ovirt-engine on its machine"
        )
    if isinstance(error, TransportError):
        return (
            "try again; if it fails again, look at the network and what is in front of the engine"
        )
    if isinstance(error, Unavailable) and error.status == 404:
        return (
            "wait some minutes if the engine was just started; else check that the URL leads to "
            "an engine, and to nothing in front of it"
        )
    return "check that the URL leads to an engine, and to nothing in front of it"


async def _version(engine: Engine) -> Finding:
    info = (await engine.get()).product_info
    version = None if info is None else info.version
    if info is None or version is None:
        mend = "check that the URL leads to an engine"
        return Finding("version", "warning", "the API does not say which version it is", mend)
    number = (version.major or 0, version.minor or 0)
    name = version.full_version or ".".join(map(str, number))
    found = f"{info.name or 'an engine'} {name}"
    if number < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return Finding("version", "warning", found, f"upgrade it; {oldest} is the oldest known")
    return Finding("version", "ok", found)


async def _rounds(engine: Engine) -> tuple[list[float], float | None]:
    """How long small requests take one after the other, and how far the engine's clock is ahead."""
    request = Request("GET", engine._api, (("Version", "4"), ("Accept", "application/xml")))
    seconds, skew = [], None
    for _ in range(_ROUNDS):
        before, start = time.time(), time.perf_counter()
        response = await engine.perform(engine.sending(request, _whole))
        seconds.append(time.perf_counter() - start)
        if skew is None or seconds[-1] == min(seconds):
            skew = _skew(response, before + seconds[-1] / 2)
    return seconds, skew


def _whole(response: Response) -> Response:
    return response


def _skew(response: Response, now: float) -> float | None:
    try:
        # Half a second, because Date has whole ones (RFC 9110 section 6.6.1).
        return parsedate_to_datetime(response.header("date") or "").timestamp() + 0.5 - now
    except ValueError:
        return None


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("clock", "ok", "the engine's web server does not tell the time")
    which = "ahead of" if skew > 0 else "behind"
    if abs(skew) > _SKEW:
        found = f"the engine's clock is {_span(abs(skew))} {which} that of this machine"
        return Finding("clock", "warning", found, "let both keep time by NTP (chronyc tracking)")
    return Finding("clock", "ok", f"the engine's clock and ours differ by {_span(abs(skew))}")


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _latency(seconds: list[float]) -> Finding:
    middle = median(seconds)
    found = f"a small answer takes {middle * 1000:.0f} ms"
    if middle > _SLOW:
        mend = "look at the load of the engine's machine, and of what is in front of it"
        return Finding("latency", "warning", found, mend)
    return Finding("latency", "ok", found)


async def _pipelining(engine: Engine, alone: float) -> Finding:
    """Send some requests ahead on the one connection, and see whether it bears that."""
    before, start = engine.statistics(), time.perf_counter()
    sent = [engine.soon.get() for _ in range(AHEAD)]
    for one in sent:
        await one.wait()
    took, after = time.perf_counter() - start, engine.statistics()
    opened, resent = after.opened - before.opened, after.resent - before.resent
    if opened > 1 or resent:
        return Finding(
            "pipelining",
            "warning",
            f"of {AHEAD} requests sent ahead {resent} were not answered, and {opened} more "
            "connections were needed",
            "use --pipeline 1 (pipeline=1), or let the web server and what is in front of it keep "
            "connections open",
        )
    return Finding(
        "pipelining",
        "ok",
        f"{AHEAD} requests sent ahead take {took * 1000:.0f} ms, one after the other "
        f"{AHEAD * alone * 1000:.0f} ms",
    )
