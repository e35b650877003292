"""`ovirtsdk4.xml.XmlWriter`: writes elements one after the other, indented or not."""

from __future__ import annotations

import io
import re
from typing import Any

from trivirt.compat._errors import HOME, Error

# ovirtsdk4 drops what XML cannot carry.
_IMPOSSIBLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# In attributes, where parsers make spaces of what ends a line.
_SPECIAL = re.compile("[\t\n\r]|[^\0-\x7f]")


class XmlWriter:
    """Writes to `io`, a binary file; with None the text is had from `string`."""

    def __init__(self, io: Any = None, indent: bool = False) -> None:
        if io is not None and not hasattr(io, "write"):
            raise TypeError(
                "The 'io' parameter doesn't look like an IO object, doesn't have a 'write' method"
            )
        self._io = io
        self._indent = indent
        self._parts: list[str] = []
        self._open: list[str] = []
        #: Whether `<name` is written and its `>` is not; whether the element has children.
        self._in_tag = False
        self._has_children = [False]

    def write_start(self, name: str) -> None:
        """Begin an element."""
        self._end_tag()
        self._break()
        self._has_children[-1] = True
        self._parts.append(f"<{_text(name, 'name')}")
        self._open.append(name)
        self._has_children.append(False)
        self._in_tag = True

    def write_attribute(self, name: str, value: str) -> None:
        """Give the element just begun an attribute."""
        if not self._in_tag:
            raise Error(f"Can't write attribute with name '{name}' and value '{value}'")
        text = _SPECIAL.sub(_reference, _escape(_text(value, "value")))
        self._parts.append(f' {_text(name, "name")}="{text}"')

    def write_end(self) -> None:
        """End the element begun last."""
        name = self._open.pop()
        has_children = self._has_children.pop()
        if self._in_tag:
            self._parts.append("/>")
            self._in_tag = False
        else:
            if has_children and self._indent:
                self._parts.append("\n" + "  " * len(self._open))
            self._parts.append(f"</{name}>")
        if self._indent and not self._open:
            self._parts.append("\n")

    def write_element(self, name: str, value: str) -> None:
        """Write an element with a text."""
        text = _escape(_text(value, "value"))
        self.write_start(name)
        self._end_tag()
        self._parts.append(text)
        self.write_end()

    def string(self) -> str:
        """The text so far."""
        if self._io is not None and not isinstance(self._io, io.BytesIO):
            raise Error("Only the text of a writer to memory can be had")
        if self._io is None:
            return "".join(self._parts)
        self.flush()
        return str(self._io.getvalue().decode())

    def flush(self) -> None:
        """Send what was written to the file."""
        if self._io is not None and self._parts:
            self._io.write("".join(self._parts).encode())
            self._parts.clear()

    def close(self) -> None:
        """Flush; the file stays open."""
        self.flush()

    def _end_tag(self) -> None:
        if self._in_tag:
            self._parts.append(">")
            self._in_tag = False

    def _break(self) -> None:
        if self._indent and self._open:
            self._parts.append("\n" + "  " * len(self._open))


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"The '{what}' parameter must be a string")
    return value


def _escape(text: str) -> str:
    text = _IMPOSSIBLE.sub("", text)
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


def _reference(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"&#{code};" if code < 128 else f"&#x{code:X};"


XmlWriter.__module__ = f"{HOME}.xml"
