"""The facts, corrected, and the module each class belongs to."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# Facts are JSON: their shape is described in their origin, not in types.
Fact = dict[str, Any]

PYTHON_TYPES = {
    "string": "str",
    "integer": "int",
    "decimal": "float",
    "boolean": "bool",
    "date": "datetime",
}


class Facts:
    """Enums, structs and services of the API by name, and the modules they go to."""

    def __init__(self) -> None:
        api = json.loads((HERE / "api.json").read_text())
        for correction in json.loads((HERE / "corrections.json").read_text()):
            _find(api, correction["path"]).update(correction["set"])
        self.enums: dict[str, Fact] = api["enums"]
        self.structs: dict[str, Fact] = api["structs"]
        self.services: dict[str, Fact] = api["services"]
        self.verbs: dict[str, str] = api["ops"]
        self.root: str = api["root"]["service"]
        self._patterns: dict[str, list[str]] = json.loads((HERE / "domains.json").read_text())[
            "modules"
        ]

    def modules(self, *kinds: dict[str, Fact]) -> list[str]:
        """Give the modules that classes of these kinds go to."""
        return sorted({self.module_of(name) for kind in kinds for name in kind})

    def module_of(self, name: str) -> str:
        """Give the module of a class; a service goes where a class of its name would go."""
        stem = name.removesuffix("Service")
        for module, patterns in self._patterns.items():
            if any(fnmatchcase(stem, pattern) for pattern in patterns):
                return module
        raise LookupError(f"no module for {name}")

    def attributes(self, struct: str) -> dict[str, Fact]:
        """Give all attributes of a struct, inherited ones first."""
        fact = self.structs[struct]
        inherited = self.attributes(fact["base"]) if "base" in fact else {}
        return {**inherited, **fact["attrs"]}

    def annotation(self, fact: Fact) -> str:
        """Give the Python type of an attribute, a parameter or a result."""
        if fact["kind"] == "list":
            return f"Items[{fact.get('type') or PYTHON_TYPES[fact['of']]}]"
        return fact.get("type") or PYTHON_TYPES[fact["kind"]]

    def root_element(self, fact: Fact) -> str:
        """Give the name of the root element that carries an object or a list."""
        struct = self.structs[fact["type"]]
        element: str = struct["tags" if fact["kind"] == "list" else "tag"]
        return element


def _find(api: Any, path: list[str]) -> Any:
    """Follow a path of keys; in a list, a key is the `name` of an item."""
    for key in path:
        api = next(x for x in api if x["name"] == key) if isinstance(api, list) else api[key]
    return api
