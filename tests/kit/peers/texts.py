"""Objects of every type, filled at random, written and read again in all ways that there are.

Run under ovirtsdk4 and under trivirt.compat this must print the same. The argument is a seed.
"""

from __future__ import annotations

import io
import random
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import ovirtsdk4 as sdk
from ovirtsdk4 import reader, readers, types, writer, writers, xml
from surface_facts import STRUCTS, attributes

RANDOM = random.Random(int(sys.argv[1]))
ZONE = timezone(timedelta(hours=-5, minutes=-30))
VALUES: dict[str, list[Any]] = {
    "string": ["a", "", " ü b\n", "<&>\"'", "true", "5"],
    "integer": [0, -1, 10**20],
    "boolean": [True, False],
    "decimal": [0.0, -0.1, 1e30, 1 / 3],
    "date": [datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 1, 2, 3, 4, 5, 678000, ZONE)],
}
WRONG = ["x", 5, True, 1.5, None]


def value(fact: dict[str, Any], kind: str, depth: int) -> Any:
    if kind == "list":
        return items(fact, depth)
    if kind == "struct":
        return made(fact["type"], depth + 1)
    if kind == "enum":
        return RANDOM.choice(list(getattr(types, fact["type"])))
    return RANDOM.choice(WRONG if RANDOM.random() < 0.005 else VALUES[kind])


def items(fact: dict[str, Any], depth: int) -> list[Any]:
    found = [value(fact, fact["of"], depth) for _ in range(RANDOM.randrange(3))]
    if RANDOM.random() < 0.7:
        return found
    linked = sdk.List()
    linked.extend(found)
    linked.href = RANDOM.choice([None, "/h?a&b"])
    return linked


def made(name: str, depth: int = 0) -> Any:
    new = getattr(types, name)()
    for attribute, fact in sorted(attributes(name).items()):
        if RANDOM.random() < (0.5, 0.15, 0.1, 0.05, 0)[min(depth, 4)]:
            setattr(new, attribute, value(fact, fact["kind"], depth))
    if RANDOM.random() < 0.3:
        new.href = "/x?é\t&y"
    return new


def plain(found: Any) -> Any:
    if isinstance(found, sdk.Struct):
        inside = {key: plain(one) for key, one in sorted(vars(found).items()) if one is not None}
        return type(found).__name__, inside
    if isinstance(found, list):
        return type(found).__name__, getattr(found, "href", 0), [plain(one) for one in found]
    return f"{found} {found.tzname()}" if isinstance(found, datetime) else repr(found)


def attempt(function: Any, *arguments: Any, **more: Any) -> Any:
    try:
        return function(*arguments, **more)
    except Exception as exc:
        return type(exc).__name__, str(exc)


def in_pieces(name: str, one: Any) -> None:
    """Through the writer and the reader of the type itself."""
    of_type = getattr(writers, f"{name}Writer")
    for write, objects in ((of_type.write_one, one), (of_type.write_many, [one, one])):
        into = io.BytesIO()
        pieces = xml.XmlWriter(into, indent=True)
        write(objects, pieces)
        pieces.flush()
        print(into.getvalue())
        read = getattr(readers, f"{name}Reader")
        read = read.read_one if objects is one else read.read_many
        print(plain(attempt(read, xml.XmlReader(io.BytesIO(into.getvalue())))))


for name in STRUCTS:
    for root in (None, None, "other"):
        one = made(name)
        text = attempt(writer.Writer.write, one, root=root, indent=root is None)
        print(name, repr(text))
        if isinstance(text, str):
            print(plain(attempt(reader.Reader.read, text)))
            in_pieces(name, one)
