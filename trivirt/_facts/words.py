"""Sentences for docstrings: patterns over names, with a table of phrases for what they miss."""

from __future__ import annotations

import json
import re

from trivirt._facts.facts import HERE, Fact, Facts

_PATTERNS = {
    "get": "Fetch {the}.",
    "list": "List {nouns}.",
    "add": "Add {a}.",
    "update": "Change {the}; what is not set stays as it is.",
    "remove": "Remove {the}.",
}


class Words:
    """Gives each class and each method its sentence."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        table = json.loads((HERE / "words.json").read_text(encoding="utf-8"))
        self._modules: dict[str, str] = table["modules"]
        self._spelling: dict[str, str] = table["spelling"]
        self._nouns: dict[str, list[str]] = table["nouns"]
        self._structs: dict[str, str] = table["structs"]
        self._enums: dict[str, str] = table["enums"]
        self._methods: dict[str, str] = table["methods"]
        self._services: dict[str, str] = table["services"]

    def module(self, package: str, name: str) -> str:
        phrase = self._modules[name]
        if package == "types":
            return f"{phrase[0].upper()}{phrase[1:]}."
        return f"Services for {phrase}."

    def struct(self, name: str) -> str:
        return self._structs[name] + _status(self._facts.structs[name])

    def enum(self, name: str) -> str:
        return self._enums[name] + _status(self._facts.enums[name])

    def service(self, name: str) -> list[str]:
        """Give the sentence for a service, and the paths that lead to it."""
        fact = self._facts.services[name]
        paths = fact["paths"]
        if name in self._services:
            sentence = self._services[name]
        elif any("param" in locator for locator in fact["locators"]) or _is_collection(fact):
            sentence = f"{_capital(self.nouns(name))}{self._owner(paths)}."
        else:
            sentence = f"{_capital(_with_article(self.noun(name)))}{self._owner(paths)}."
        shown = ", ".join(f"`{path}`" for path in paths[:3])
        if len(paths) > 3:
            shown += f" and {len(paths) - 3} more"
        where = f"At {shown}." if paths else "No path leads here from the root."
        return [sentence + _status(fact), where]

    def locator(self, service: str, locator: Fact) -> list[str]:
        target = locator["service"]
        if "param" in locator:
            key = "its id or name" if locator["param"] == "id_or_name" else "its id"
            return [f"Lead to one {self.noun(target)} by {key}." + _status(locator)]
        fact = self._facts.services[target]
        if any("param" in at for at in fact["locators"]) or _is_collection(fact):
            sentence = f"Lead to the {self.nouns(target)}"
        else:
            sentence = f"Lead to the {self.noun(target)}"
        if not self._facts.services[service].get("root"):
            sentence += f" of this {self.noun(service)}"
        return [f"{sentence}.{_status(locator)}"]

    def method(self, service: str, method: Fact) -> list[str]:
        """Give the sentence for an operation, what the engine insists on, and what is old."""
        name = method["name"]
        text = self._methods.get(f"{service}.{name}") or self._methods.get(name)
        text = text or _PATTERNS.get(name) or _PATTERNS[method["op"]]
        noun = self.noun(service)
        sentence = text.format(
            noun=noun, nouns=self.nouns(service), a=_with_article(noun), the=f"the {noun}"
        )
        paragraphs = [sentence + _status(method)]
        needs = [f"`{need}`".replace("|", "` or `") for need in method.get("needs", [])]
        if needs:
            paragraphs.append(f"The engine wants {_enumerate(needs)}.")
        old = [f"`{p['name']}`" for p in method["params"] if p.get("dep")]
        if old:
            paragraphs.append(f"Deprecated: {_enumerate(old)}.")
        new = [f"`{p['name']}` since {p['since']}" for p in method["params"] if _is_new(p)]
        if new:
            paragraphs.append(f"Newer than 4.0: {_enumerate(new)}.")
        return paragraphs

    def noun(self, service: str) -> str:
        return self._noun_of(service)[0]

    def nouns(self, service: str) -> str:
        return self._noun_of(service)[1]

    def _noun_of(self, service: str) -> list[str]:
        stem = service.removesuffix("Service")
        if stem in self._nouns:
            return self._nouns[stem]
        struct = self._struct_of(service)
        return self._noun_of_struct(struct) if struct else self._spell(stem)

    def _noun_of_struct(self, name: str) -> list[str]:
        return self._nouns.get(name) or self._spell(name)

    def _struct_of(self, service: str) -> str:
        """Find the struct a service is about: what it gives, or what its sibling gives."""
        for method in self._facts.services[service]["methods"]:
            if method["op"] in ("get", "list", "add") and "returns" in method:
                return str(method["returns"]["type"])
        for other in self._facts.services.values():
            for locator in other["locators"]:
                if locator["service"] == service and "param" in locator:
                    given = [m["returns"] for m in other["methods"] if m["op"] == "list"]
                    return str(given[0]["type"]) if given else ""
        return ""

    def _spell(self, name: str) -> list[str]:
        parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+", name)
        words = [str(self._spelling.get(part, part.lower())) for part in parts]
        singular = " ".join(words)
        return [singular, _plural(singular)]

    def _owner(self, paths: list[str]) -> str:
        """Say whose they are, after the first path: ` of a virtual machine`."""
        segments = paths[0].strip("/").split("/") if paths else []
        parent = self._parent(segments)
        return f" of {_with_article(self.noun(parent))}" if parent else ""

    def _parent(self, segments: list[str]) -> str:
        """Find the service of the object that the last named segment hangs on."""
        while segments and segments[-1].startswith("{"):
            segments = segments[:-1]
        name = self._facts.root
        for segment in segments[:-1]:
            locators = self._facts.services[name]["locators"]
            name = next(
                at["service"]
                for at in locators
                if at.get("segment") == segment or ("param" in at and segment.startswith("{"))
            )
        return "" if name == self._facts.root else name


def _is_collection(fact: Fact) -> bool:
    return any(method["op"] == "list" for method in fact["methods"])


def _is_new(fact: Fact) -> bool:
    return "since" in fact and not fact["since"].startswith("4.0")


def _status(fact: Fact) -> str:
    parts = [f"since {fact['since']}"] if "since" in fact else []
    parts += ["deprecated"] if fact.get("dep") else []
    return f" {_capital('; '.join(parts))}." if parts else ""


def _capital(text: str) -> str:
    return text if text.startswith("iSCSI") else text[:1].upper() + text[1:]


def _enumerate(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_article(noun: str) -> str:
    # By sound: an SSH key, an LLDP element; but a user, a NIC, a MAC pool.
    sounded = noun[0] in "aeioAEIO" or noun.startswith(("unm", "SSH", "LLDP", "SPM"))
    return f"{'an' if sounded else 'a'} {noun}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("s", "x", "ch")):
        return f"{noun}es"
    return f"{noun}s"
