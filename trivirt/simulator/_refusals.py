"""Why the engine says no, as exceptions that carry the answer."""

from __future__ import annotations

from trivirt.simulator._pages import action_fault, empty, fault
from trivirt.wire._messages import Response


class Refused(Exception):
    """A request that the engine answers with a fault."""

    def __init__(
        self, status: int, detail: str | None, reason: str | None = "Operation Failed"
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason

    def response(self, *, in_action: bool) -> Response:
        """Actions wrap the fault in their own element."""
        make = action_fault if in_action else fault
        return make(self.status, self.detail, self.reason)


class NoSuchEntity(Exception):
    """The path leads to an entity that does not exist: 404 without a body."""

    def response(self) -> Response:
        """No content type either."""
        return empty(404)


class Page(Exception):
    """A request that something outside of the resources answers, with a page or nothing."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def conflict(*messages: str) -> Refused:
    """409: the state of things forbids it. Messages come as Java prints a list."""
    return Refused(409, f"[{', '.join(messages)}]")


def bad_body(usage: str) -> Refused:
    """400: the body is no such document; `usage` names service and method."""
    detail = f"For correct usage, see: https://engine.simulated/ovirt-engine/apidoc#{usage}"
    return Refused(400, detail, "Request syntactically incorrect.")


def incomplete(element: str, names: str, operation: str) -> Refused:
    """400: something that must be there is not."""
    return Refused(400, f"{element} [{names}] required for {operation}", "Incomplete parameters")


def unknown_related(element: str, how: str) -> Refused:
    """404 with a fault: an entity that the body names does not exist."""
    return Refused(404, f"Entity not found: {element}: {how}")
