"""The control port: a few requests that steer the engine and read its counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trivirt.simulator._pages import json_page
from trivirt.wire._messages import Request, Response

if TYPE_CHECKING:
    from trivirt.simulator._engine import SimulatedEngine

PATHS = {"/statistics": "GET", "/reset": "POST"}


def control(engine: SimulatedEngine, request: Request) -> Response:
    """One request on the control port."""
    path = request.target.partition("?")[0]
    allowed = PATHS.get(path)
    if allowed is None:
        known = ", ".join(f"{method} {path}" for path, method in PATHS.items())
        return json_page({"error": f"no {path} here; there are {known}"}, 404)
    if request.method != allowed:
        page = json_page({"error": f"{path} wants {allowed}"}, 405)
        return Response(page.status, (*page.headers, ("allow", allowed)), page.body)
    if path == "/reset":
        engine.reset()
        return json_page({})
    return json_page(engine.statistics.as_dict())
