"""The control port: plain HTTP on loopback, by which a test steers an engine in another process.

    GET  /statistics    counters since the start or the last reset
    POST /reset         back to the seed; no faults, counters at zero
    POST /restart       all tokens are gone; with {"phase": "starting", "seconds": 5} it takes
                        its time: connections refused ("stopped"), 503 ("starting") or 404
                        ("deploying") meanwhile, of real time
    GET  /clock         {"seconds": ...} of the engine's time
    POST /clock         {"advance": 60} lets time pass at once
    GET  /durations     how long states last, in seconds; POST {"locked": 0} changes that
    POST /script        {"happens": "host_is_lost", "name": "myhost", "after": 5}; see below
    GET  /faults        what is armed, with the number of hits
    POST /faults        {"fault": "reset", "after": 3, "times": 1}; see below
    DELETE /faults      disarm all
    POST /tokens/expire every token given out so far gets 401

A fault is one of the methods of `Faults` with its keywords: close, drop, reset, stall, truncate
(keep), slow (seconds), status (status: 500, 503 and so on, as HTML), refuse_tokens. All of them
take after, times (null: until disarmed), probability and path, the beginning of the paths that
it hits.

What happens is one of the methods of `Script` with its keywords: vm_crashes, host_is_lost,
host_returns (name), changes (path, and attributes), guest_writes (disk, start, data in base64).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trivirt import errors
from trivirt.simulator._pages import json_page
from trivirt.wire._messages import Request, Response

if TYPE_CHECKING:
    from trivirt.simulator._engine import SimulatedEngine

HAPPENINGS = ("changes", "guest_writes", "host_is_lost", "host_returns", "vm_crashes")
FAULTS = ("close", "drop", "refuse_tokens", "reset", "slow", "stall", "status", "truncate")

Wish = dict[str, Any]


def _statistics(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    return engine.statistics.as_dict()


def _reset(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    engine.reset()
    return {}


def _restart(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    seconds = float(wish.pop("seconds", 0))
    if seconds:
        engine.restart_for(seconds, str(wish.pop("phase", "starting")))
    else:
        engine.restart()
    return {}


def _clock(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    engine.clock.advance(float(wish.pop("advance", 0)))
    return {"seconds": engine.clock.now()}


def _durations(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    for name in [name for name in wish if name in vars(engine.durations)]:
        setattr(engine.durations, name, float(wish.pop(name)))
    return dict(vars(engine.durations))


def _script(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    name = wish.pop("happens", None)
    if name not in HAPPENINGS:
        raise ValueError(f"{name!r} never happens; there are {', '.join(HAPPENINGS)}")
    if "data" in wish:
        wish["data"] = base64.b64decode(str(wish["data"]), validate=True)
    getattr(engine.script, name)(**wish)
    wish.clear()
    return {}


def _faults(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    return {"faults": [{"fault": f.effect.value, "hits": f.hits} for f in engine.faults.armed]}


def _arm(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    name = wish.pop("fault", None)
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
    path = wish.pop("path", None)
    if path is not None:
        beginning = str(path)
        wish["only"] = lambda request: request.target.startswith(beginning)
    getattr(engine.faults, name)(**wish)
    wish.clear()
    return {}


def _disarm(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    engine.faults.clear()
    return {}


def _expire(engine: SimulatedEngine, wish: Wish) -> Mapping[str, object]:
    engine.expire_tokens()
    return {}


Handler = Callable[["SimulatedEngine", Wish], Mapping[str, object]]

PATHS: Mapping[str, Mapping[str, Handler]] = {
    "/clock": {"GET": _clock, "POST": _clock},
    "/durations": {"GET": _durations, "POST": _durations},
    "/faults": {"GET": _faults, "POST": _arm, "DELETE": _disarm},
    "/reset": {"POST": _reset},
    "/restart": {"POST": _restart},
    "/script": {"POST": _script},
    "/statistics": {"GET": _statistics},
    "/tokens/expire": {"POST": _expire},
}


def control(engine: SimulatedEngine, request: Request) -> Response:
    """One request on the control port."""
    path = request.target.partition("?")[0]
    methods = PATHS.get(path)
    if methods is None:
        known = ", ".join(f"{m} {path}" for path, each in PATHS.items() for m in each)
        return json_page({"error": f"no {path} here; there are {known}"}, 404)
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(methods)
        page = json_page({"error": f"{path} wants {allowed}"}, 405)
        return Response(page.status, (*page.headers, ("allow", allowed)), page.body)
    try:
        wish = json.loads(request.body) if request.body.strip() else {}
        if not isinstance(wish, dict):
            raise ValueError("the body must be a JSON object")
        answer = handler(engine, wish)
        if wish:
            raise ValueError(f"{path} knows no {', '.join(sorted(wish))}")
    except (ValueError, TypeError, errors.UsageError) as error:
        return json_page({"error": str(error)}, 400)
    return json_page(answer)
