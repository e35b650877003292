"""Writes `trivirt/simulator/_routes.py`: the tree of services as plain data."""

from __future__ import annotations

from collections.abc import Iterator

import trivirt._facts.layout as layout
from trivirt._facts.facts import Fact, Facts
from trivirt._facts.write_types import NOTE

HEAD = '''"""The tree of services of the API, as data.

`SERVICES[name]` tells what is below a service and what can be done with it. To find the service of
a path, start at `SERVICES[ROOT]` and take the segments in turn: one that is a key of `segments`
leads to the service it names, every other one is an id and leads to `item` (empty: nowhere). Below
that, the last segment of a POST may be the `action` of a method instead.

A method is found by its `verb` and `action`; variants of the same request are not repeated.
"""

from __future__ import annotations

from typing import NamedTuple


class Method(NamedTuple):
    """One request that a service understands."""

    name: str
    """Python name: `list`, `start`; the variants of a request share the first one's."""
    op: str
    """`get`, `list`, `add`, `update`, `remove` or `action`."""
    verb: str
    """The HTTP method."""
    action: str
    """The segment of an action, else empty."""
    struct: str
    """Class of the body's root, or of the answer's when nothing is sent; empty for neither."""
    body: str
    """Root element of the request, empty when it has no body."""
    expect: str
    """Root element of the answer, empty when it has no body."""
    result: str
    """Python name of the member of the answered `<action>` that is the result, else empty."""
    query: tuple[str, ...]
    """Names of the query parameters on the wire."""
    members: tuple[str, ...]
    """Python names of the members of the `<action>` that the request may set."""


class Service(NamedTuple):
    """A place in the tree."""

    item: str
    """Service of one member, by its id; empty when there are none."""
    segments: dict[str, str]
    """Service below each named segment."""
    methods: tuple[Method, ...]


'''


def write_routes(facts: Facts) -> Iterator[tuple[str, str]]:
    """Give the path and the text of the one file."""
    lines = [f"{NOTE}\n{HEAD}" + f'ROOT = "{facts.root}"', "", "# fmt: off"]
    lines.append("SERVICES: dict[str, Service] = {")
    for name, fact in facts.services.items():
        lines += [*_service(facts, name, fact)]
    yield "simulator/_routes.py", "\n".join([*lines, "}", "# fmt: on", ""])


def _service(facts: Facts, name: str, fact: Fact) -> Iterator[str]:
    item = "".join(at["service"] for at in fact["locators"] if "param" in at)
    yield f'    "{name}": Service('
    yield f'        "{item}",'
    yield "        {"
    for locator in fact["locators"]:
        if "segment" in locator:
            yield f'            "{locator["segment"]}": "{locator["service"]}",'
    yield "        },"
    yield "        ("
    seen: set[tuple[str, str]] = set()
    for method in sorted(fact["methods"], key=lambda m: "variant_of" in m):
        key = method["op"], method.get("action", "")
        if key not in seen:
            seen.add(key)
            yield _method(facts, method)
    yield "        ),"
    yield "    ),"


def _method(facts: Facts, method: Fact) -> str:
    op, params = method["op"], method["params"]
    returns = method.get("returns")
    sent = [p for p in params if p["in"] == "body"]
    members = tuple(p["name"] for p in params if p["in"] == "action")
    query = tuple(p.get("wire", p["name"]) for p in params if p["in"] == "query")
    if op == "action":
        struct, body, expect = "Action", "action", "action"
    else:
        about = sent[0] if sent else returns
        struct = about["type"] if about else ""
        body = facts.root_element(sent[0]) if sent else ("action" if members else "")
        expect = facts.root_element(returns) if returns else ""
    values = [
        method.get("variant_of", method["name"]),
        op,
        facts.verbs[op],
        method.get("action", ""),
        struct,
        body,
        expect,
        returns["name"] if returns and op == "action" else "",
    ]
    texts = [f'"{value}"' for value in values] + [_names(query), _names(members)]
    return layout.wrapped(f"Method({', '.join(texts)}),", 12)


def _names(names: tuple[str, ...]) -> str:
    inner = ", ".join(f'"{name}"' for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"
