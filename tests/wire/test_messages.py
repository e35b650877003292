"""Answers as values, above all their bodies: plain or gzip, whole or in parts."""

from __future__ import annotations

import gzip

import pytest

from trivirt.errors import RemoteProtocolError
from trivirt.wire._messages import Response, keep_parts

TEXT = b"<vms>" + b"<vm/>" * 20_000 + b"</vms>"
GZIP = (("content-encoding", "gzip"),)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


RESPONSES = {
    "whole": Response(200, (), TEXT),
    "in parts": keep_parts(200, (), cut(TEXT, 999)),
    "gzip": Response(200, GZIP, gzip.compress(TEXT)),
    "gzip in parts": keep_parts(200, GZIP, cut(gzip.compress(TEXT), 7)),
    "gzip of several members": keep_parts(
        200, GZIP, cut(b"".join(map(gzip.compress, (TEXT[:7], b"", TEXT[7:]))), 7)
    ),
    "empty": Response(200, GZIP, b""),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_pieces_are_the_content(name: str) -> None:
    response = RESPONSES[name]
    pieces = list(response.pieces(10**6, 1000))
    assert b"".join(pieces) == response.content(10**6) == (TEXT if name != "empty" else b"")
    assert all(len(piece) <= 1000 for piece in pieces)


def test_a_body_in_parts_is_one_for_those_who_want_one() -> None:
    response = RESPONSES["in parts"]
    assert response.body == TEXT
    assert response.status == 200
    assert repr(response) == repr(RESPONSES["whole"]) == f"<Response 200, {len(TEXT)} bytes>"


@pytest.mark.parametrize("parts", [1, 50])
def test_what_is_wrong_with_a_gzip_body(parts: int) -> None:
    whole = gzip.compress(TEXT)
    size = len(whole) // parts + 1
    for body, complaint in [
        (whole[:-9], "cut off"),
        (b"\x1f\x8b" + TEXT, "damaged"),
        (whole + b"junk", "damaged"),
    ]:
        for read in (Response.content, lambda one, limit: list(one.pieces(limit, 100))):
            with pytest.raises(RemoteProtocolError, match=complaint):
                read(keep_parts(200, GZIP, cut(body, size)), 10**6)
    for limit in (1, 1000, len(TEXT) - 1):
        with pytest.raises(RemoteProtocolError, match=f"more than {limit} bytes"):
            keep_parts(200, GZIP, cut(whole, size)).content(limit)
        with pytest.raises(RemoteProtocolError, match=f"more than {limit} bytes"):
            list(keep_parts(200, GZIP, cut(whole, size)).pieces(limit, 100))
    assert keep_parts(200, GZIP, cut(whole, size)).content(len(TEXT)) == TEXT


@pytest.mark.parametrize("name", ["GZip", "x-gzip", " gzip "])
def test_names_of_codings_have_no_case(name: str) -> None:
    """RFC 9110 section 8.4.1."""
    assert Response(200, (("content-encoding", name),), gzip.compress(b"x")).content(10) == b"x"


@pytest.mark.parametrize("name", ["identity", "Identity", ""])
def test_no_coding_by_name(name: str) -> None:
    assert Response(200, (("content-encoding", name),), b"x").content(10) == b"x"


def test_another_coding() -> None:
    with pytest.raises(RemoteProtocolError, match="'br'"):
        Response(200, (("content-encoding", "br"),), b"x").content(10)
