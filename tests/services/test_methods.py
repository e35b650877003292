"""Every method of the facts describes the request that the facts describe."""

from __future__ import annotations

import inspect
import warnings
from contextlib import nullcontext
from typing import Any

import pytest
from surface_facts import ENUMS, FACTS, SERVICES, STRUCTS, Fact, methods

import trivirt.services
import trivirt.types
from trivirt import codec
from trivirt.errors import UsageError
from trivirt.model import Call, Items

METHODS = [pytest.param(*m, id=f"{m[0]}.{m[1]['name']}") for m in methods()]
LOCATORS = [
    pytest.param(name, locator, id=f"{name}.{locator['name']}")
    for name, fact in SERVICES.items()
    for locator in fact["locators"]
]
PATHS = [(path, name) for name, fact in SERVICES.items() for path in fact["paths"]]


def service(name: str, path: str = "/here") -> Any:
    """A service whose operations give the Call itself."""
    return getattr(trivirt.services, name)(lambda call: call, path)


def value_of(fact: Fact, kind: str) -> Any:
    """A value for a parameter."""
    if kind == "list":
        return Items([value_of(fact, fact["of"])])
    if kind == "struct":
        return getattr(trivirt.types, fact["type"])()
    if kind == "enum":
        return getattr(trivirt.types, fact["type"])(
            next(iter(ENUMS[fact["type"]]["values"].values()))
        )
    return {"string": "a b", "boolean": True, "integer": 7}[kind]


def text_of(value: Any) -> str:
    return "true" if value is True else str(value)


def arguments(method: Fact) -> dict[str, Any]:
    return {p["name"]: value_of(p, p["kind"]) for p in method["params"]}


def quiet(method: Fact) -> Any:
    return (
        pytest.warns(DeprecationWarning, match="by the API") if method.get("dep") else nullcontext()
    )


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_request(name: str, method: Fact) -> None:
    given = arguments(method)
    with quiet(method):
        call = getattr(service(name), method["name"])(**given)
    assert isinstance(call, Call)
    assert call.kind == method["op"]
    assert call.method == FACTS["ops"][method["op"]]
    segment = f"/{method['action']}" if method["op"] == "action" else ""
    assert call.path == f"/here{segment}"
    by_place = {
        place: {p["name"]: p for p in method["params"] if p["in"] == place}
        for place in ("query", "action", "body")
    }
    wanted = {p.get("wire", n): text_of(given[n]) for n, p in by_place["query"].items()}
    assert call.query == tuple(sorted(wanted.items()))
    assert call.headers == ((("All-Content", "true"),) if "all_content" in given else ())
    if method["op"] == "action" or by_place["action"]:
        assert type(call.body) is trivirt.types.Action
        assert set(call.body.__dict__) == set(by_place["action"])
        assert codec.decode(codec.encode(call.body)) == call.body
    elif by_place["body"]:
        (body,) = by_place["body"]
        assert call.body is given[body]
        kind = "tags" if by_place["body"][body]["kind"] == "list" else "tag"
        tag = STRUCTS[by_place["body"][body]["type"]][kind]
        assert codec.encode(call.body).startswith(f"<{tag}".encode())
    else:
        assert call.body is None


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_answer(name: str, method: Fact) -> None:
    with quiet(method):
        call = getattr(service(name), method["name"])(**arguments(method))
    returns = method.get("returns")
    statuses = {"add": {200, 201, 202}, "action": {200, 201, 202}, "remove": {200, 202, 204}}
    assert call.ok == statuses.get(method["op"], {200})
    if method["op"] == "action":
        assert call.expect == "action"
        assert call.result == (returns["name"] if returns else None)
    else:
        assert call.result is None
        kind = "tags" if returns and returns["kind"] == "list" else "tag"
        assert call.expect == (STRUCTS[returns["type"]][kind] if returns else None)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_least_arguments_and_extras(name: str, method: Fact) -> None:
    """What is not given is not sent; `headers` and `query` go with every operation."""
    bodies = [value_of(p, p["kind"]) for p in method["params"] if p["in"] == "body"]
    bound = getattr(service(name), method["name"])
    with quiet(method):
        call = bound(*bodies)
    assert (call.query, call.headers) == ((), ())
    extra = {"zebra": "a&b", "correlation_id": "x", "nothing": None}
    with quiet(method):
        call = bound(*bodies, headers={"Correlation-Id": "y"}, query=extra)
    assert call.query == (("correlation_id", "x"), ("zebra", "a&b"))
    assert call.headers == (("Correlation-Id", "y"),)
    assert extra == {"zebra": "a&b", "correlation_id": "x", "nothing": None}
    with pytest.raises(TypeError, match="no_such_thing"):
        bound(*bodies, no_such_thing=1)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_signature_and_docstring(name: str, method: Fact) -> None:
    bound = getattr(service(name), method["name"])
    names = [p["name"] for p in method["params"]]
    assert list(inspect.signature(bound).parameters) == [*names, "headers", "query"]
    doc = inspect.getdoc(bound)
    assert doc
    first = doc.split("\n\n")[0]
    assert first.endswith(".")
    if "since" in method:
        assert f"Since {method['since']}" in " ".join(first.split())
    assert ("eprecated." in first) == bool(method.get("dep"))


@pytest.mark.parametrize(("name", "locator"), LOCATORS)
def test_locator(name: str, locator: Fact) -> None:
    python = locator["name"].removesuffix("_service")
    here = service(name)
    if "param" in locator:
        found = getattr(here, python)("12/3 ü%")
        assert found._path == "/here/12%2F3%20%C3%BC%25"
        for bad in ("", ".", "..", "a\nb", "a\rb", "a\0b"):
            with pytest.raises(UsageError):
                getattr(here, python)(bad)
        with pytest.raises(TypeError, match="must be a str"):
            getattr(here, python)(12)
    else:
        found = getattr(here, python)
        assert found._path == f"/here/{locator['segment']}"
    assert type(found) is getattr(trivirt.services, locator["service"])
    assert found._run is here._run


@pytest.mark.parametrize(("path", "name"), PATHS, ids=[path for path, _ in PATHS])
def test_path_leads_to_service(path: str, name: str) -> None:
    root = service(FACTS["root"]["service"], "")
    filled = "/".join(
        "1-2" if part.startswith("{") else part for part in path.strip("/").split("/")
    )
    found = root.service(filled)
    assert type(found).__name__ == name
    assert found._path == ("/" + filled if filled else "")
    assert type(root.service(filled + "/")) is type(found)


def test_every_service_has_a_sentence() -> None:
    for name in SERVICES:
        doc = getattr(trivirt.services, name).__doc__
        assert doc, name
        assert doc.split("\n")[0].strip().endswith("."), name


def test_path_that_leads_nowhere() -> None:
    root = service("SystemService", "")
    with pytest.raises(UsageError, match="has no 'nothing'"):
        root.service("nothing")


def test_warning_points_at_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        service("HostService").iscsi_discover()
    assert caught[0].filename == __file__
    assert "HostService.iscsi_discover" in str(caught[0].message)


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b"])
def test_breaks_are_refused_everywhere(bad: str) -> None:
    vms = service("VmsService")
    with pytest.raises(UsageError, match="search"):
        vms.list(search=bad)
    with pytest.raises(UsageError, match="query"):
        vms.list(query={bad: "x"})
    with pytest.raises(UsageError, match="x"):
        vms.list(query={"x": bad})
    with pytest.raises(UsageError, match="X-Y"):
        vms.list(headers={"X-Y": bad})
    with pytest.raises(UsageError, match="header"):
        vms.list(headers={bad: "x"})


def test_headers_are_ascii_text() -> None:
    vms = service("VmsService")
    with pytest.raises(UsageError, match="ASCII"):
        vms.list(headers={"X": "ü"})
    with pytest.raises(TypeError, match="must be a str"):
        vms.list(headers={"X": 1})
    assert vms.list(headers={"X": None}).headers == ()


def test_named_parameter_wins_over_query() -> None:
    call = service("VmsService").list(search="a", query={"search": "b", "max": 3})
    assert call.query == (("max", "3"), ("search", "a"))


def test_parameter_of_a_wrong_type() -> None:
    with pytest.raises(TypeError, match="search must be"):
        service("VmsService").list(search=["a"])
