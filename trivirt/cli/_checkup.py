"""One look at the whole way to an engine, step by step, and what to do where it ends.

Each step tells what it found, and those after one that went wrong are not tried. Nothing secret
is sent before the engine's certificate was checked as it will be at work.
"""

from __future__ import annotations

import trio

from trivirt._options import Options
from trivirt._patience import Retries
from trivirt.cli._checkup_engine import AHEAD, look_at_engine
from trivirt.cli._checkup_tls import look_at_tls
from trivirt.cli._finding import Finding, Tell, Trouble
from trivirt.cli._hops import Hop, first_hop, reach, resolve
from trivirt.cli._sign_on import Target
from trivirt.engine import open_engine
from trivirt.wire import Timeouts, environment_proxy

__all__ = ["examine"]

_TIMEOUTS = Timeouts(connect=10, tls=10, sign_on=30, first_byte=30, answer=60)


async def examine(target: Target, tell: Tell) -> None:
    """Go from the settings to the engine; `tell` gets each finding as it is made."""
    options = {**target.options(), "connections": 1, "pipeline": AHEAD, "timeouts": _TIMEOUTS}
    context = open_engine(**options, retries=Retries(attempts=0))
    try:
        _tell_settings(target, context._options, tell)
        hop = first_hop(context._options.origin)
        await _reach(hop, await _resolve(hop, tell), tell)
        await look_at_tls(context._options.origin, target, tell)
        await look_at_engine(context, target, tell)
    except Trouble as end:
        tell(end.finding)


def _tell_settings(target: Target, options: Options, tell: Tell) -> None:
    by = "a password" if target.password else "a ticket" if target.token is None else "a token"
    way = target.origin("password" if target.password else "token")
    who = f"{target.username} with {by}" if target.username else f"the holder of {by}"
    settings = f"{options.url} (from {target.origin('url')}), as {who}"
    tell(Finding("settings", "ok", f"{settings} (from {way})" if way else settings))
    proxy = options.origin.proxy
    if proxy is not None:
        named = environment_proxy(options.url.secure, options.url.host, options.url.port)
        source = target.origin("proxy") or (named[0] if named else "")
        tell(Finding("settings", "ok", f"everything goes through {proxy} (from {source})"))


async def _resolve(hop: Hop, tell: Tell) -> list[str]:
    if hop.is_address:
        tell(Finding("DNS", "ok", f"{hop.host} is an address, no name is looked up"))
        return [hop.host]
    try:
        addresses = await resolve(hop)
    except (OSError, trio.TooSlowError) as exc:
        said = getattr(exc, "strerror", None) or "no answer"
        raise Trouble(
            "DNS",
            f"the name {hop.host} has no address: {said}",
            f"check {_named_by(hop)}, and the DNS of this machine",
        ) from exc
    tell(Finding("DNS", "ok", f"{hop.host} is {', '.join(addresses)}"))
    return addresses


async def _reach(hop: Hop, addresses: list[str], tell: Tell) -> None:
    reached = await reach(addresses, hop.port)
    failures = ", ".join(f"{address}: {why}" for address, why in reached.failures.items())
    if not reached.seconds:
        what = "the proxy" if hop.proxy else "the engine's web server"
        raise Trouble(
            "reach",
            f"port {hop.port} of {hop.host} takes no connection ({failures})",
            f"see that {what} is up, that {_named_by(hop)} names it, and that firewalls let us in",
        )
    quickest = min(reached.seconds.values()) * 1000
    found = f"port {hop.port} of {hop.host} takes a connection in {quickest:.1f} ms"
    if failures:
        mend = "take the address that does not answer out of the DNS, or mend the way to it"
        tell(Finding("reach", "warning", f"{found}, but not at all addresses ({failures})", mend))
    else:
        tell(Finding("reach", "ok", found))


def _named_by(hop: Hop) -> str:
    return f"the {'proxy' if hop.proxy else 'URL'}"
