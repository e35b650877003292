"""Writes `trivirt/services`: one class per service, one function per operation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import trivirt._facts.layout as layout
from trivirt._facts.facts import Fact, Facts
from trivirt._facts.words import Words
from trivirt._facts.write_types import NOTE, package_init

EXTRA = ["headers: Headers = None", "query: Query = None"]


def write_services(facts: Facts, words: Words) -> Iterator[tuple[str, str]]:
    """Give the path and the text of each file."""
    for module in facts.modules(facts.services):
        yield f"services/{module}.py", _module(facts, words, module)
    yield (
        "services/__init__.py",
        package_init(
            "services",
            "The tree of services, each in the module of its domain; `SystemService` is the root.",
            {name: facts.module_of(name) for name in facts.services},
        ),
    )


def _module(facts: Facts, words: Words, module: str) -> str:
    names = [name for name in facts.services if facts.module_of(name) == module]
    body = "\n".join(_service(facts, words, name) for name in names)
    return "\n".join(
        [
            NOTE,
            layout.docstring(words.module("services", module), 0),
            "",
            "from __future__ import annotations",
            "",
            *_imports(facts, module, names, body),
            layout.name_list("__all__", names),
            "",
            body,
        ]
    )


def _imports(facts: Facts, module: str, names: list[str], body: str) -> Iterator[str]:
    types = {name for name in _types_of(facts, names) if name != "Action"}
    others = {
        locator["service"]
        for name in names
        for locator in facts.services[name]["locators"]
        if facts.module_of(locator["service"]) != module
    }
    kernel = {"Call", "Headers", "Items", "Query", "Root", "Service", "V", "deprecated"}
    kernel |= {"operation", "paged", "unpaged"}
    used = {name for name in kernel if re.search(rf"(?<!\w){name}(?:[\[(]| =|\n)", body)}
    if types or others:
        yield "from typing import TYPE_CHECKING\n"
    yield layout.import_from("trivirt.model", used | {"V"})
    if "Action(" in body:
        yield "from trivirt.types.common import Action"
    yield ""
    if types or others:
        yield "if TYPE_CHECKING:"
        yield from _grouped(facts, "services", others)
        yield from _grouped(facts, "types", types)
        yield ""


def _types_of(facts: Facts, names: list[str]) -> Iterator[str]:
    for name in names:
        for method in facts.services[name]["methods"]:
            for about in [*method["params"], method.get("returns", {})]:
                if "type" in about:
                    yield about["type"]


def _grouped(facts: Facts, package: str, names: set[str]) -> Iterator[str]:
    for module in sorted({facts.module_of(name) for name in names}):
        found = [name for name in names if facts.module_of(name) == module]
        yield layout.import_from(f"trivirt.{package}.{module}", found, 4)


def _service(facts: Facts, words: Words, name: str) -> str:
    fact = facts.services[name]
    lines = ["", f"class {name}({'Root' if name == facts.root else 'Service'}[V]):"]
    sentence, *more = words.service(name)
    lines.append(layout.docstring(sentence, 4, more))
    item = [locator for locator in fact["locators"] if "param" in locator]
    if item:
        lines += ["", f'    _item = "{python_locator(item[0])}"']
    for locator in fact["locators"]:
        lines += ["", _locator(facts, words, name, locator)]
    for method in fact["methods"]:
        lines += ["", _method(facts, words, name, method)]
        if method["name"] == "list":
            lines += ["", *_iterate(method)]
    return "\n".join([*lines, ""])


def python_locator(locator: Fact) -> str:
    """`vms_service` becomes `vms`; no such name is the name of a method beside it."""
    return str(locator["name"]).removesuffix("_service")


def _locator(facts: Facts, words: Words, service: str, locator: Fact) -> str:
    name, target = python_locator(locator), locator["service"]
    lines = []
    if "param" in locator:
        parameters = ["self", f"{locator['param']}: str | None"]
        lines.append(layout.bracket(f"def {name}(", parameters, f") -> {target}[V]:", 4))
        path = f"self._at({locator['param']})"
    else:
        head = layout.bracket(f"def {name}(", ["self"], f") -> {target}[V]:", 4)
        lines += ["    @property", head]
        path = f'f"{{self._path}}/{locator["segment"]}"'
    sentence, *more = words.locator(service, locator)
    lines.append(layout.docstring(sentence, 8, more))
    if facts.module_of(target) != facts.module_of(service):
        lines += [f"        from trivirt.services.{facts.module_of(target)} import {target}", ""]
    lines.append(layout.bracket(f"return {target}(", ["self._run", path], ")", 8))
    return "\n".join(lines)


def _method(facts: Facts, words: Words, service: str, method: Fact) -> str:
    sentence, *more = words.method(service, method)
    lines = [
        "    @operation",
        layout.bracket(
            f"def {method['name']}(",
            _parameters(facts, method),
            f") -> Call[{_result(facts, method)}]:",
            4,
        ),
        layout.docstring(sentence, 8, more),
    ]
    if method.get("dep"):
        lines.append(f'        deprecated("{service}.{method["name"]}")')
    return "\n".join([*lines, *_body(facts, method)])


def _iterate(method: Fact) -> list[str]:
    """The same list as a stream, in pages where there is a search, which counts them."""
    has_pages = {"search", "max"} <= {parameter["name"] for parameter in method["params"]}
    sentence = "Go through what `list` gives " + ("page by page." if has_pages else "one by one.")
    maker = "paged" if has_pages else "unpaged"
    return [f"    iterate = {maker}(list)", f'    """{sentence}"""']


def _parameters(facts: Facts, method: Fact) -> list[str]:
    body = [p for p in method["params"] if p["in"] == "body"]
    rest = [p for p in method["params"] if p["in"] != "body"]
    first = [f"{p['name']}: {facts.annotation(p)}" for p in body]
    named = [f"{p['name']}: {facts.annotation(p)} | None = None" for p in rest]
    return ["self", *first, "*", *named, *EXTRA]


def _result(facts: Facts, method: Fact) -> str:
    return facts.annotation(method["returns"]) if "returns" in method else "None"


def _body(facts: Facts, method: Fact) -> list[str]:
    op, params = method["op"], method["params"]
    sent = [p["name"] for p in params if p["in"] == "body"]
    members = [f"{p['name']}={p['name']}" for p in params if p["in"] == "action"]
    query = [f"{p['name']}={p['name']}" for p in params if p["in"] == "query"]
    lines = []
    if op == "action" or members:
        lines.append(layout.bracket("action = Action(", members, ")", 8))
    if op == "action":
        first = [f'"{method["action"]}"', "action", "headers", "query"]
        if "returns" in method:
            first.append(f'result="{method["returns"]["name"]}"')
    elif op == "remove":
        first = ["headers", "query", *(["action"] if members else [])]
    else:
        first = [*sent, f'"{facts.root_element(method["returns"])}"', "headers", "query"]
    lines.append(layout.bracket(f"return self._{op}(", [*first, *query], ")", 8))
    return lines
