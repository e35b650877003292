"""Documents that are wrong, or meant to harm: a clear error, soon, and nothing fetched."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trivirt import codec
from trivirt.codec._decode import PIECE
from trivirt.errors import DecodeError

TOO_LONG_ATTRIBUTE = b"<vm id='" + b"a" * 20_000_000 + b"'/>"
BOMB = "<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(12)
)
CASES = {
    "empty": b"",
    "blank": b" \n ",
    "text": b"hello",
    "json": b'{"a": 1}',
    "html": b"<!DOCTYPE html><html></html>",
    "html without doctype": b"<html><body>503</body></html>",
    "declaration only": b"<?xml version='1.0'?>",
    "comment only": b"<!-- a -->",
    "truncated": b"<vm><name>a",
    "truncated tag": b"<vm><na",
    "truncated declaration": b"<?xml version=",
    "trailing data": b"<vm/><vm/>",
    "trailing text": b"<vm/>x",
    "mismatched": b"<vm><name></vm></name>",
    "bomb": f"<!DOCTYPE vm [{BOMB}]><vm><name>&m;</name></vm>".encode(),
    "bomb in an attribute": f"<!DOCTYPE vm [{BOMB}]><vm id='&m;'/>".encode(),
    "doctype after a comment": b"<!-- a --><!DOCTYPE vm []><vm/>",
    "doctype after the declaration": b"<?xml version='1.0'?>\n<!DOCTYPE vm SYSTEM 'x'><vm/>",
    "external entity": b"<!DOCTYPE v [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><vm><name>&x;</name></vm>",
    "undefined entity": b"<vm><name>&x;</name></vm>",
    "deep": b"<vm>" * 100_000,
    "deep and closed": b"<vm>" * 1000 + b"</vm>" * 1000,
    "deep and known": b"<vm>" + b"<host><cluster>" * 500 + b"</cluster></host>" * 500 + b"</vm>",
    "huge text": b"<vm><name>" + b"a" * 20_000_000 + b"</name></vm>",
    "huge attribute": TOO_LONG_ATTRIBUTE,
    "not UTF-8": b"<vm><name>\xff\xfe</name></vm>",
    "NUL": b"<vm><name>a\0</name></vm>",
    "control character": b"<vm><name>\x01</name></vm>",
    "reference to NUL": b"<vm><name>&#0;</name></vm>",
    "UTF-16": "<vm/>".encode("utf-16"),
    "UTF-16 without mark": "<vm/>".encode("utf-16-le"),
    "UTF-32": "<vm/>".encode("utf-32"),
    "UTF-7": b"<?xml version='1.0' encoding='UTF-7'?><vm/>",
    "Latin-1": b"<?xml version='1.0' encoding='ISO-8859-1'?><vm/>",
    "EBCDIC": b"<?xml version='1.0' encoding='cp037'?><vm/>",
    "unknown encoding": b"<?xml version='1.0' encoding='x'?><vm/>",
    "attribute twice": b"<vm id='1' id='2'/>",
    "many attributes": b"<vm " + b" ".join(b"a%d=''" % i for i in range(200_000)) + b">",
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket, "socket", no_network)
    began = time.process_time()
    with pytest.raises(DecodeError) as caught:
        codec.decode(CASES[name])
    assert time.process_time() - began < 3
    assert 10 < len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name",
    [
        "truncated",
        "mismatched",
        "bomb",
        "doctype after a comment",
        "undefined entity",
        "deep",
        "huge text",
        "not UTF-8",
        "NUL",
        "control character",
        "UTF-16",
        "attribute twice",
        "declaration only",
    ],
)
def test_refused_inside_of_a_long_list(name: str) -> None:
    """What is wrong in the middle of pieces is reported by the call, too."""
    item = b"<vm><name>a</name></vm>\n" * (2 * PIECE // 24)
    with pytest.raises(DecodeError):
        codec.decode(b"<vms>" + item + CASES[name] + item + b"</vms>")


@pytest.mark.parametrize("name", ["truncated", "trailing data", "mismatched", "bomb", "UTF-16"])
def test_refused_by_a_decoder_fed_byte_by_byte(name: str) -> None:

    def feed() -> None:
        decoder = codec.Decoder()
        for byte in CASES[name]:
            decoder.feed(bytes([byte]))
        decoder.close()

    with pytest.raises(DecodeError):
        feed()


def test_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    xml = f"<!DOCTYPE vm [<!ENTITY x SYSTEM '{tmp_path / 'secret'}'>]><vm><name>&x;</name></vm>"
    with pytest.raises(DecodeError) as caught:
        codec.decode(xml.encode())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "xml",
    [
        b" \n<?xml version='1.0' encoding='utf-8'?>\n<vm/>",
        b"\xef\xbb\xbf<vm/>",
        b"\xef\xbb\xbf<?xml version='1.0'?><vm/>",
        b"<?xml version='1.0' encoding='US-ASCII' standalone='no'?>\n<vm/>",
        b"<!-- a --><?pi x?>\n<vm/><!-- b -->",
        b"<vm/>\n\n",
        b"<vm\n/>",
    ],
)
def test_unusual_and_right(xml: bytes) -> None:
    assert codec.decode(xml) == codec.decode(b"<vm/>")


PARTS = st.sampled_from(
    b"<vm> </vm> <vms> </vms> <name> </name> <cpu/> <nics> </nics> <!-- --> <![CDATA[ ]]> &amp; "
    b"&x; <?x?> <!DOCTYPE <memory>1</memory> <memory>x</memory> < > \0 \xff &#13;".split(b" ")
)
ANYTHING = st.lists(PARTS | st.binary(max_size=6), max_size=30).map(b"".join)


@given(ANYTHING)
@example(b"<vms><vm><!-- </vm> --></vm></vms>")
@settings(max_examples=400, deadline=None)
def test_anything_is_read_or_refused(data: bytes) -> None:
    with suppress(DecodeError):
        codec.decode(data)


def test_the_error_is_one_line() -> None:
    """libxml2 puts a line break into some of its messages."""
    with pytest.raises(DecodeError) as caught:
        codec.decode(TOO_LONG_ATTRIBUTE)
    assert "\n" not in str(caught.value)
