"""`ovirtsdk4.xml.XmlReader`: a cursor over the events of a document.

An event is the start of an element, its end, or a text. An element written as `<x/>` has no end
of its own, and that is the only thing that tells it from `<x></x>`; of the parsers at hand only
expat shows it: it says where an element ends, and what stands before that place is `/>` or not.

Scripts lie beside files of their own, and one may be called `xml.py`; so nothing of Python's
package `xml` is used here, which then could not be found.
"""

from __future__ import annotations

import pyexpat
from collections.abc import Iterator
from typing import Any, NamedTuple

from trivirt.compat._errors import HOME, Error
from trivirt.compat._scalars import EMPTY


class Element(list["Element"]):
    """An element and those inside of it, with as much of lxml's as the codec asks for."""

    def __init__(self, tag: str, attrib: dict[str, str]) -> None:
        super().__init__()
        self.tag, self.attrib = tag, attrib
        self.text: str | None = None
        self.tail: str | None = None
        self.get = attrib.get

    def itertext(self) -> Iterator[str]:
        yield self.text or ""
        for child in self:
            yield from child.itertext()
            yield child.tail or ""


class _Event(NamedTuple):
    kind: str  #: `start`, `end` or `text`
    element: Element
    after: int  #: of a start: the number of the event behind the whole element


class XmlReader:
    """Reads `io`, a binary file."""

    def __init__(self, io: Any) -> None:
        self._events = _Parser(_to_bytes(io)).events
        self._at = 0

    def read(self) -> bool:
        """Go to the next event; tell whether there is one."""
        self._at = min(self._at + 1, len(self._events))
        return self._at < len(self._events)

    def forward(self) -> bool:
        """Go to the next tag, which may be this one; tell whether an element starts here."""
        while self._at < len(self._events) and self._events[self._at].kind == "text":
            self._at += 1
        return self._here() is not None

    def node_name(self) -> str | None:
        """The name of the element that starts or ends here; None at the end."""
        event = self._event()
        return event.element.tag if event is not None and event.kind != "text" else None

    def empty_element(self) -> bool:
        """Whether the element that starts here was written as `<x/>`."""
        event = self._here()
        return event is not None and EMPTY in event.element.attrib

    def get_attribute(self, name: str) -> str | None:
        """An attribute of the element that starts here; None when it has none such."""
        event = self._here()
        return event.element.get(name) if event is not None and name != EMPTY else None

    def read_element(self) -> str | None:
        """The text of the element that starts here; None for `<x/>`. Goes behind it."""
        element = self.take()
        if element is None:
            raise Error("Current node isn't the start of an element")
        return _text(element)

    def read_elements(self) -> list[str | None]:
        """The texts of the elements inside of the one that starts here. Goes behind it."""
        element = self.take()
        return [] if element is None else [_text(child) for child in element]

    def next_element(self) -> bool:
        """Go behind the element that starts here; tell whether there is anything."""
        self.take()
        return self._at < len(self._events)

    def close(self) -> None:
        """Forget the document."""
        self._events = []

    def take(self) -> Element | None:
        """The element that starts here, and go behind it."""
        event = self._here()
        if event is None:
            return None
        self._at = event.after
        return event.element

    def _event(self) -> _Event | None:
        return self._events[self._at] if self._at < len(self._events) else None

    def _here(self) -> _Event | None:
        event = self._event()
        return event if event is not None and event.kind == "start" else None


def _to_bytes(source: Any) -> bytes:
    if not hasattr(source, "read"):
        raise TypeError(
            "The 'io' parameter doesn't look like an IO object, doesn't have a 'read' method"
        )
    data = source.read()
    if not isinstance(data, bytes):
        raise Error("Can't read the XML: the file isn't opened as binary")
    return data


def _text(element: Element) -> str | None:
    return None if EMPTY in element.attrib else "".join(element.itertext())


class _Parser:
    """Makes the events of a document, and its tree, in one go."""

    def __init__(self, data: bytes) -> None:
        self.events: list[_Event] = []
        self._data = data
        self._open: list[tuple[Element, int]] = []
        self._texts: list[str] = []
        self._parser = pyexpat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._texts.append
        self._parser.StartDoctypeDeclHandler = _refuse
        try:
            self._parser.Parse(data, True)
        except pyexpat.ExpatError as exc:
            raise Error(f"Can't read the XML: {exc}") from exc

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._end_text()
        element = Element(name, attributes)
        if self._open:
            self._open[-1][0].append(element)
        self._open.append((element, len(self.events)))
        self.events.append(_Event("start", element, 0))

    def _end(self, name: str) -> None:
        self._end_text()
        element, number = self._open.pop()
        at = self._parser.CurrentByteIndex
        if not (len(element) or element.text) and self._data[at - 2 : at] == b"/>":
            element.attrib[EMPTY] = ""
        else:
            self.events.append(_Event("end", element, 0))
        self.events[number] = _Event("start", element, len(self.events))

    def _end_text(self) -> None:
        text = "".join(self._texts)
        self._texts.clear()
        if not text or not self._open:
            return
        element = self._open[-1][0]
        if len(element):
            element[-1].tail = text
        else:
            element.text = text
        self.events.append(_Event("text", element, 0))


def _refuse(*_: object) -> None:
    raise Error("The XML has a document type, which no engine sends")


XmlReader.__module__ = f"{HOME}.xml"
