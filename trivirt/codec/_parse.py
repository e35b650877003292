"""The way into lxml: what it is told, and what is refused before and after.

Answers come from the network, so: no DTD, no entity, nothing fetched, and only UTF-8 (and its
subset ASCII), because in other encodings the checks here would look at the wrong characters.
libxml2 itself bounds the depth (256) and the length of one text (10 MB).
"""

from __future__ import annotations

import os
import re
from typing import Any

from lxml import etree

from trivirt.errors import DecodeError


def _parser(*, remove_blank_text: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        remove_blank_text=remove_blank_text,
    )


def _make_parsers() -> None:
    global _PARSER, _EXACT_PARSER
    _PARSER = _parser(remove_blank_text=True)
    _EXACT_PARSER = _parser(remove_blank_text=False)


# One parser serves all threads: lxml gives it to one at a time. To drop indentation while parsing
# saves a sixth of the time. It keeps blanks that are all of an element's text, but it could lose
# some beside a comment or a CDATA section.
_PARSER: Any
_EXACT_PARSER: Any
_make_parsers()
if hasattr(os, "register_at_fork"):
    # A thread that parses while another forks has its parser locked, and is not there in the child.
    os.register_at_fork(after_in_child=_make_parsers)

# What engines send: their declaration or none, then the root element. Like the other, compiled when
# it is first used: nearly all documents are read line by line.
_USUAL = (
    rb"(?:<\?xml version=\"1\.0\" encoding=\"UTF-8\"(?: standalone=\"(?:yes|no)\")?\?>)?\s*<[a-z]"
)
_ENCODING = rb"\sencoding\s*=\s*[\"']([^\"']*)[\"']"
_ACCEPTED = (b"utf-8", b"utf8", b"us-ascii", b"ascii")


def parse(data: bytes) -> Any:
    """Give the root element of a document, or raise a `DecodeError` that says what is wrong."""
    if not re.match(_USUAL, data):
        data = data.lstrip(b" \t\r\n")
        check_prolog(data)
    return parse_piece(data)


def parse_piece(data: bytes) -> Any:
    """Parse what is known to begin with an element."""
    try:
        # One character is looked for much faster than two.
        unusual = b"!" in data and b"<!" in data
        return etree.fromstring(data, _EXACT_PARSER if unusual else _PARSER)
    except etree.XMLSyntaxError as error:
        raise DecodeError(f"malformed XML: {_words(error)}") from error
    except ValueError as error:  # lxml refuses some input before it parses it
        raise DecodeError(f"malformed XML: {error}") from error


def _words(error: etree.XMLSyntaxError) -> str:
    """What libxml2 says, on one line."""
    return " ".join((error.msg or "no document").split()).replace(" ,", ",")


def parse_text(text: str) -> Any:
    """Parse an element that was cut out of a document, or that lxml wrote."""
    try:
        return etree.fromstring(text, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DecodeError(f"malformed XML: {error}") from error


def check_prolog(data: bytes | bytearray) -> int:
    """Look at what stands before the root element; give the place where that begins.

    Gives -1 when the prolog is not complete yet.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        at = 3
    elif data[:1] not in (b"<", b""):
        raise DecodeError(f"this is not XML: it begins with {bytes(data[:20])!r}")
    else:
        at = 0
    while True:
        at += len(data[at : at + 4096]) - len(data[at : at + 4096].lstrip(b" \t\r\n"))
        if data.startswith(b"<?", at):
            end = data.find(b"?>", at)
            _check_encoding(bytes(data[at : end + 2]))
            at = end + 2
        elif data.startswith(b"<!--", at):
            end = data.find(b"-->", at + 4)
            at = end + 3
        elif data.startswith(b"<!", at):
            raise DecodeError("this XML has a document type, which no engine sends: refused")
        else:
            return at if at < len(data) else -1
        if end < 0:
            return -1


def _check_encoding(declaration: bytes) -> None:
    match = re.search(_ENCODING, declaration) if declaration.startswith(b"<?xml") else None
    if match and match[1].lower() not in _ACCEPTED:
        raise DecodeError(
            f"this XML is in the encoding {match[1].decode('ascii', 'replace')!r}, "
            "and engines send UTF-8: refused"
        )
