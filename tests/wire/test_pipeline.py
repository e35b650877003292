"""The pipeline on bytes: one table of conversations, fed whole, byte by byte and in thirds."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivirt.errors import LocalProtocolError
from trivirt.wire import Limits, Pipeline, Request, Response
from trivirt.wire._pipeline import check_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
UNTIL_EOF = b"HTTP/1.1 200 OK\r\n\r\nabc"


@dataclass(frozen=True)
class Case:
    """Bytes that come back for some requests, and what must become of them."""

    data: bytes
    answers: list[tuple[int, bytes]]
    asked: int = 2
    method: str = "GET"
    eof: bool = False
    closing: bool = False
    error: str | None = None
    left: int = field(default=0)


CASES = {
    "two answers": Case(OK + OK, [(200, b"abc")] * 2),
    "chunked, then counted": Case(CHUNKED + OK, [(200, b"abc")] * 2),
    "interim answers are no answers": Case(
        CONTINUE + OK + EARLY_HINTS + CONTINUE + OK, [(200, b"abc")] * 2
    ),
    "204 has no body": Case(NO_CONTENT + OK, [(204, b""), (200, b"abc")]),
    "304 has no body in spite of its length": Case(NOT_MODIFIED + OK, [(304, b""), (200, b"abc")]),
    "line ends between answers": Case(OK + b"\r\n" + OK, [(200, b"abc")] * 2),
    "close leaves the rest unanswered": Case(CLOSE, [(200, b"abc")], closing=True, left=1),
    "bytes behind a close are nothing": Case(CLOSE + OK, [(200, b"abc")], closing=True, left=1),
    "close among other options": Case(
        OK.replace(b"OK\r\n", b"OK\r\nConnection: Keep-Alive, close\r\n") + OK,
        [(200, b"abc")],
        closing=True,
        left=1,
    ),
    "HTTP/1.0 closes": Case(OK.replace(b"1.1", b"1.0") + OK, [(200, b"abc")], closing=True, left=1),
    "length until the end": Case(UNTIL_EOF, [(200, b"abc")], asked=1, eof=True, closing=True),
    "cut in the body": Case(OK + OK[:-1], [(200, b"abc")], eof=True, left=1),
    "cut in the head": Case(OK + OK[:20], [(200, b"abc")], eof=True, left=1),
    "cut in a chunk": Case(CHUNKED[:-5], [], asked=1, eof=True, left=1),
    "end between answers": Case(OK, [(200, b"abc")], eof=True, left=1),
    "an answer nobody asked for": Case(OK * 3, [(200, b"abc")] * 2, error="nobody asked for"),
    "junk behind the last answer": Case(OK + b"junk", [(200, b"abc")], asked=1, error="sent"),
    "junk between answers": Case(
        OK + b"\x00junk" + OK, [(200, b"abc")], error="no HTTP/1.1 answer", left=1
    ),
    "a TLS alert": Case(
        b"\x15\x03\x03\x00\x02\x02\x46", [], error="has to begin with https://", left=2
    ),
    "not HTTP at all": Case(b"<html>", [], error="no HTTP/1.1 answer", left=2),
    "two lengths": Case(
        OK.replace(b"OK\r\n", b"OK\r\nContent-Length: 4\r\n"), [], error="Length", left=2
    ),
    "length and chunks": Case(
        OK.replace(b"OK\r\n", b"OK\r\nTransfer-Encoding: chunked\r\n"), [], error="Length", left=2
    ),
    "a length that is no number": Case(
        OK.replace(b": 3", b": +3"), [], error="no HTTP/1.1 answer", left=2
    ),
    "a change of protocol": Case(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + OK,
        [],
        error="101",
        left=2,
    ),
    "HEAD with a length": Case(OK[:-3], [(200, b"")], asked=1, method="HEAD"),
    "HEAD without a length": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        [(200, b"")],
        asked=1,
        method="HEAD",
    ),
    "HEAD with a body": Case(OK, [(200, b"")], asked=1, method="HEAD", error="body behind"),
}


@pytest.mark.parametrize("size", [None, 1, 17], ids=["whole", "bytes", "pieces"])
@pytest.mark.parametrize("name", CASES)
def test_conversation(name: str, size: int | None) -> None:
    case = CASES[name]
    pipeline: Pipeline[int] = Pipeline("engine.example.com")
    for tag in range(case.asked):
        pipeline.send(Request(case.method, f"/{tag}"), tag)
    size = size or len(case.data)
    answered = []
    for start in range(0, len(case.data), size):
        answered += pipeline.receive(case.data[start : start + size])
    if case.eof:
        answered += pipeline.eof()
    assert [tag for tag, _ in answered] == list(range(len(case.answers)))
    assert [(r.status, r.body) for _, r in answered] == case.answers
    assert pipeline.closing == case.closing
    assert pipeline.ended == case.eof
    if case.error is None:
        assert pipeline.error is None
    else:
        assert case.error in str(pipeline.error)
    assert list(pipeline.outstanding) == list(range(len(case.answers), case.asked))
    assert len(pipeline.outstanding) == case.left
    assert pipeline.over == (case.closing or case.eof or case.error is not None)


@pytest.mark.parametrize("name", CASES)
def test_a_split_anywhere_changes_nothing(name: str) -> None:
    case = CASES[name]

    def told(*pieces: bytes) -> tuple[object, ...]:
        pipeline: Pipeline[int] = Pipeline("h")
        for tag in range(case.asked):
            pipeline.send(Request(case.method, f"/{tag}"), tag)
        answered = [answer for piece in pieces for answer in pipeline.receive(piece)]
        if case.eof:
            answered += pipeline.eof()
        broken = type(pipeline.error)
        return answered, list(pipeline.outstanding), pipeline.closing, pipeline.ended, broken

    whole = told(case.data)
    for split in range(1, len(case.data)):
        assert told(case.data[:split], case.data[split:]) == whole, split


def test_a_request_after_head_is_answered() -> None:
    """Its parser, which waits for a body that never comes, must not be used again."""
    pipeline: Pipeline[str] = Pipeline("h")
    pipeline.send(Request("HEAD", "/"), "head")
    assert [tag for tag, _ in pipeline.receive(OK[:-3])] == ["head"]
    pipeline.send(Request("GET", "/"), "get")
    assert [(tag, r.body) for tag, r in pipeline.receive(OK)] == [("get", b"abc")]


def test_headers_are_lower_case_text_in_order() -> None:
    pipeline: Pipeline[int] = Pipeline("h")
    pipeline.send(Request("GET", "/"), 1)
    data = b"HTTP/1.1 200 OK\r\nContent-LENGTH: 0\r\nX-A: \xe9\r\nx-a: 2\r\n\r\n"
    ((_, response),) = pipeline.receive(data)
    assert response.headers == (("content-length", "0"), ("x-a", "é"), ("x-a", "2"))
    assert response.header("x-a") == "é"
    assert response.header("x-b") is None


def receive_in_pieces(pipeline: Pipeline[int], data: bytes) -> list[tuple[int, Response]]:
    return [
        answered
        for start in range(0, len(data), 100)
        for answered in pipeline.receive(data[start : start + 100])
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 3000,
        b"HTTP/1.1 200 " + b"O" * 3000,
    ],
    ids=["many headers", "an endless header", "an endless reason"],
)
def test_a_flood_of_headers_ends_the_conversation(data: bytes) -> None:
    pipeline: Pipeline[int] = Pipeline("h", Limits(head=1000))
    pipeline.send(Request("GET", "/"), 1)
    receive_in_pieces(pipeline, data)
    assert "more than 1000 bytes" in str(pipeline.error)
    assert list(pipeline.outstanding) == [1]


def test_a_flood_of_body_ends_the_conversation() -> None:
    pipeline: Pipeline[int] = Pipeline("h", Limits(body=1000))
    pipeline.send(Request("GET", "/"), 1)
    pipeline.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 2000)
    assert "more than 1000 bytes" in str(pipeline.error)
    assert list(pipeline.outstanding) == [1]


@pytest.mark.parametrize(
    "rest",
    [
        b"0\r\n" + b"A: b\r\n" * 1000,
        b"0\r\nA: " + b"b" * 3000,
        b"3;" + b"x" * 3000,
    ],
    ids=["many trailers", "an endless trailer", "an endless chunk extension"],
)
def test_a_flood_of_what_is_no_body_ends_the_conversation(rest: bytes) -> None:
    pipeline: Pipeline[int] = Pipeline("h", Limits(head=1000))
    pipeline.send(Request("GET", "/"), 1)
    data = CHUNKED[: -len(b"0\r\n\r\n")] + rest
    receive_in_pieces(pipeline, data)
    assert "more than 1000 bytes" in str(pipeline.error)
    assert list(pipeline.outstanding) == [1]


def test_only_what_has_no_end_and_brings_no_body_counts_as_a_flood() -> None:
    """Neither long bodies with much around them, nor long answers before a head."""
    pipeline: Pipeline[int] = Pipeline("h", Limits(head=1000))
    for tag in range(3):
        pipeline.send(Request("GET", f"/{tag}"), tag)
    chunks = b"1;a-chunk-extension\r\nx\r\n" * 500
    data = CHUNKED[: CHUNKED.index(b"2\r\n")] + chunks + b"0\r\n" + b"A: b\r\n" * 100 + b"\r\n"
    answered = receive_in_pieces(pipeline, data)
    head, body = OK[:-3].replace(b": 3", b": 2000"), b"x" * 2000
    answered += pipeline.receive(head + body + head)
    answered += pipeline.receive(body)
    assert pipeline.error is None
    assert [len(response.body) for _, response in answered] == [500, 2000, 2000]


def test_trailers_change_nothing() -> None:
    pipeline: Pipeline[int] = Pipeline("h")
    pipeline.send(Request("GET", "/"), 1)
    trailers = b"0\r\nContent-Encoding: gzip\r\nCorrelation-Id: forged\r\n\r\n"
    ((_, response),) = pipeline.receive(CHUNKED[: -len(b"0\r\n\r\n")] + trailers)
    assert response.headers == (("transfer-encoding", "chunked"),)
    assert response.content(10) == b"abc"


def test_what_a_request_looks_like() -> None:
    pipeline: Pipeline[int] = Pipeline("engine:8443")
    headers = (("Accept", "application/xml"),)
    assert pipeline.send(Request("GET", "/a?b=c", headers), 1) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: engine:8443\r\nAccept: application/xml\r\n\r\n"
    )
    assert pipeline.send(Request("POST", "/a", headers, b"<a/>"), 2).endswith(
        b"Accept: application/xml\r\nContent-Length: 4\r\n\r\n<a/>"
    )
    assert pipeline.send(Request("DELETE", "/a"), 3).endswith(b"Content-Length: 0\r\n\r\n")


BREAKS = st.sampled_from("\r\n\0 \x7f") | st.characters(min_codepoint=0x100)


@given(before=st.text("abc", max_size=5), bad=BREAKS, after=st.text("abc", max_size=5))
def test_nothing_can_end_the_request_line_early(before: str, bad: str, after: str) -> None:
    with pytest.raises(LocalProtocolError):
        check_request(Request("GET", "/" + before + bad + after))
    with pytest.raises(LocalProtocolError):
        check_request(Request("G" + bad, "/"))


@given(
    before=st.text("abc", max_size=5),
    bad=st.sampled_from("\r\n\0\x7f") | st.characters(min_codepoint=0x100),
    after=st.text("abc", max_size=5),
)
def test_nothing_can_end_a_header_early(before: str, bad: str, after: str) -> None:
    text = "x" + before + bad + after + "x"
    with pytest.raises(LocalProtocolError) as caught:
        check_request(Request("GET", "/", (("X-Secret", text),)))
    assert text not in str(caught.value)
    with pytest.raises(LocalProtocolError):
        check_request(Request("GET", "/", ((text, "value"),)))


@given(data=st.binary(max_size=300), split=st.integers(0, 300))
def test_any_bytes_at_all_end_in_answers_or_an_error(data: bytes, split: int) -> None:
    pipeline: Pipeline[int] = Pipeline("h")
    for tag in range(3):
        pipeline.send(Request("GET", f"/{tag}"), tag)
    answered = pipeline.receive(OK + data[:split])
    answered += pipeline.receive(data[split:])
    answered += pipeline.eof()
    assert [tag for tag, _ in answered] == list(range(len(answered)))
    assert [*range(len(answered), 3)] == list(pipeline.outstanding)
