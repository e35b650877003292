from __future__ import annotations

import pytest

from trivirt.simulator._http import RequestReader, ResponseWriter
from trivirt.wire._messages import Request, Response

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept: application/xml\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)

CASES = {
    "get": (GET, Request("GET", "/a?b=c", (("host", "x"), ("accept", "application/xml")))),
    "post": (POST, Request("POST", "/p", (("host", "x"), ("content-length", "5")), b"hello")),
    "chunked": (
        CHUNKED,
        Request("POST", "/p", (("host", "x"), ("transfer-encoding", "chunked")), b"hello"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_read_whole(name):
    data, expected = CASES[name]
    reader = RequestReader()
    (received,) = reader.feed(data)
    assert received.request == expected
    assert received.keep_alive
    assert not reader.in_request


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_read_byte_by_byte(name):
    data, expected = CASES[name]
    reader = RequestReader()
    read = [received for byte in data for received in reader.feed(bytes([byte]))]
    assert [received.request for received in read] == [expected]


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_read_with_another_behind_it(name):
    data, expected = CASES[name]
    read = RequestReader().feed(data + GET)
    assert [received.request for received in read] == [expected, CASES["get"][1]]


def test_a_target_may_be_absolute():
    data = b"GET http://x:80/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
    (received,) = RequestReader().feed(data)
    assert received.request.target == "/a?b=c"


def test_equal_header_blocks_are_shared():
    """So that what is known of a block is found again at the cost of a look-up."""
    first, second = RequestReader().feed(GET + GET)
    assert first.request.headers is second.request.headers


def test_the_client_may_ask_to_close():
    data = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    (received,) = RequestReader().feed(data)
    assert not received.keep_alive


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET /" + b"a" * 8190 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, id="point 47"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 8190 + b"\r\n\r\n", 400, id="long"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n", 400, id="many"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, id="length"),
    ],
)
def test_point_47_bad_requests_are_refused(data, status):
    reader = RequestReader()
    assert reader.feed(data) == []
    assert reader.refused == status


def test_a_header_that_never_ends_is_refused():
    reader = RequestReader()
    reader.feed(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
    for _ in range(40):
        reader.feed(b"a" * 1000)
    assert reader.refused == 400


def test_a_body_beyond_ten_megabytes_is_refused():
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(11):
        reader.feed(b"a" * 1024 * 1024)
    assert reader.refused == 413


def test_good_requests_before_a_bad_one_are_handed_out():
    reader = RequestReader()
    assert len(reader.feed(GET + b"nonsense\r\n\r\n")) == 1
    assert reader.refused == 400
    assert reader.feed(GET) == []


def test_an_upgrade_is_ignored():
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert len(RequestReader().feed(upgrade + GET)) == 2


def written(response, *, limit=None, count=1, close=False, bodiless=False, chunked=False):
    writer = ResponseWriter(timeout=5.0, limit=limit)
    pieces = writer.write(response, count=count, close=close, bodiless=bodiless, chunked=chunked)
    return b"".join(pieces)


HELLO = Response(200, (("content-type", "text/plain"), ("www-authenticate", "Basic")), b"hello")


def test_a_response_is_framed_by_its_length():
    head, _, body = written(HELLO).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"Content-Length: 5" in lines
    assert b"Content-Type: text/plain" in lines
    assert b"WWW-Authenticate: Basic" in lines
    assert b"Connection: Keep-Alive" in lines
    assert body == b"hello"


def test_a_response_is_framed_by_chunks():
    data = written(HELLO, chunked=True)
    assert b"Transfer-Encoding: chunked\r\n" in data
    assert b"Content-Length" not in data
    assert data.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


def test_an_answer_to_head_has_the_length_and_no_body():
    data = written(HELLO, bodiless=True)
    assert b"Content-Length: 5\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_an_empty_body_is_not_chunked():
    assert b"Content-Length: 0\r\n" in written(Response(404, (), b""), chunked=True)


def test_the_answers_that_are_left_are_counted_down():
    assert b"Keep-Alive: timeout=5, max=100\r\n" in written(HELLO, limit=100, count=1)
    assert b"Keep-Alive: timeout=5, max=1\r\n" in written(HELLO, limit=100, count=100)
    assert ResponseWriter(timeout=5, limit=100).closes(101)
    assert not ResponseWriter(timeout=5, limit=100).closes(100)
    assert not ResponseWriter(timeout=5, limit=None).closes(10_000)


def test_a_closing_answer_says_so():
    assert b"Connection: close\r\n" in written(HELLO, close=True)


def test_a_header_value_cannot_end_the_head():
    data = written(Response(200, (("x-odd", "a\r\nSet-Cookie: b"),), b""))
    assert b"X-Odd: a Set-Cookie: b\r\n" in data
