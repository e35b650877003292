"""ovirtsdk4, where it is installed, as a second reader of the same documents.

The differences that are wanted: an empty element of a text is an empty text in both of its forms
(there `<x/>` is nothing), and a word of an enumeration that is not known is kept (there it is
lost). The links of CORRECTED are found here and lost there (quirk 26).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

from trivirt.model import Items, fields

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from ovirtsdk4 import reader, readers, types, xml  # noqa: F401  # readers register themselves

CORRECTED = {"fenceagents", "storage", "storageserverconnections", "glusterbricks", "weights"}


def theirs(document: str) -> Any:
    """What ovirtsdk4 makes of a document."""
    source = xml.XmlReader(io.BytesIO(document.encode()))
    try:
        return reader.Reader.read(source)
    finally:
        source.close()


def differences(mine: Any, other: Any, path: str) -> Iterator[str]:
    """Give every attribute that differs, by its path."""
    if isinstance(other, list):
        if not isinstance(mine, Items) or len(mine) != len(other):
            yield f"{path}: {mine!r:.80} here, {other!r:.80} there"
            return
        if mine.href != getattr(other, "href", None):
            yield f"{path}.href: {mine.href!r} here, {getattr(other, 'href', None)!r} there"
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            yield from differences(a, b, f"{path}[{i}]")
    elif isinstance(other, (str, int, float, datetime, Enum)) or other is None:
        if isinstance(other, Enum):
            other = other.value
        if mine == "" and other is None:
            return
        if mine != other or not isinstance(mine, type(other)):
            yield f"{path}: {mine!r:.80} here, {other!r:.80} there"
    elif type(mine).__name__ != type(other).__name__:
        yield f"{path}: a {type(mine).__name__} here, a {type(other).__name__} there"
    else:
        for name in fields(type(mine)):
            yield from differences(getattr(mine, name), getattr(other, name), f"{path}.{name}")


def without_corrected_links(document: str) -> str:
    """Take out the links that only we find."""
    for rel in CORRECTED - {"storage", "weights"}:
        document = document.replace(f'rel="{rel}"', 'rel="-"')
    return document.replace('/storage" rel="storage"', '/storage" rel="-"')
