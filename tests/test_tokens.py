"""Every shape in which a sign-on service says yes or no."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivirt._tokens import _NO_JSON, _parse, read_token
from trivirt.errors import AuthError, Error, RemoteProtocolError, Unavailable
from trivirt.wire import Response

JSON = "application/json"


def answer(status: int, kind: str, body: str) -> Response:
    return Response(status, (("content-type", kind),), body.encode())


@pytest.mark.parametrize(
    ("response", "code", "words"),
    [
        # The engine's own: for the scope of the API, and for others.
        (
            answer(400, JSON, '{"error_code":"access_denied","error":"Cannot authenticate.."}'),
            "access_denied",
            "access_denied: Cannot authenticate",
        ),
        (
            answer(400, JSON, '{"error":"invalid_grant","error_description":"It is over."}'),
            "invalid_grant",
            "invalid_grant: It is over",
        ),
        (
            answer(400, JSON + ";charset=UTF-8", '{"error":"server_error"}'),
            "server_error",
            "server_error",
        ),
        (answer(400, JSON, '{"error_code":"server_error"}'), "server_error", "server_error"),
        (answer(400, JSON, '[{"error":"c","error_description":"text"}]'), "c", "c: text"),
        (answer(200, JSON, '{"error":"c","error_description":"text"}'), "c", "c: text"),
        # Keycloak, and things in front of it.
        (
            answer(401, JSON, '{"error":"invalid_grant","error_description":"Invalid user"}'),
            "invalid_grant",
            "invalid_grant: Invalid user",
        ),
        (answer(400, "text/plain", ' {"error":"c"}'), "c", "refused: c"),
        (answer(403, JSON, "{}"), "403", "refused: 403"),
        (answer(400, JSON, '{"error":"a","error_description":"two\\nlines"}'), "a", "two lines"),
        (answer(400, JSON, '{"error":{"x":1}}'), "{'x': 1}", "refused"),
        # Pages.
        (answer(401, "text/html", "<html>"), "access_denied", "refused .401."),
        (answer(403, "text/html", "<html>"), None, "refused .403.: the front end"),
    ],
)
def test_refusals(response: Response, code: str | None, words: str) -> None:
    with pytest.raises(AuthError, match=words) as caught:
        read_token(response, "Sign-on as 'x'")
    assert caught.value.code == code
    assert str(caught.value).startswith("Sign-on as 'x' was refused")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (answer(404, "text/html", "<html>"), Unavailable, "404 with text/html"),
        (answer(503, "text/html", "<html>"), Unavailable, "starting or stopped"),
        (answer(503, "", ""), Unavailable, "503 with no content"),
        (answer(302, "text/html", "<html>"), Unavailable, "a redirect to another place"),
        (
            answer(400, "text/html", "You're speaking plain HTTP to an SSL-enabled server port."),
            Unavailable,
            "the port speaks TLS; the URL begins with https://",
        ),
        (
            answer(400, "text/html", "The plain HTTP request was sent to HTTPS port"),
            Unavailable,
            "the port speaks TLS",
        ),
        (answer(200, JSON, "{"), RemoteProtocolError, "not valid JSON"),
        (answer(200, JSON, "[" * 100_000), RemoteProtocolError, "not valid JSON"),
        (answer(200, JSON, "[]"), RemoteProtocolError, "not a JSON object"),
        (answer(200, JSON, "{}"), RemoteProtocolError, "no usable access_token"),
        (answer(200, JSON, '{"access_token":""}'), RemoteProtocolError, "no usable access_token"),
        (
            answer(200, JSON, '{"access_token":"a\\r\\nb"}'),
            RemoteProtocolError,
            "no usable access_token",
        ),
    ],
)
def test_what_is_neither_yes_nor_no(response: Response, error: type[Error], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        read_token(response, "Sign-on as 'x'")
    assert caught.value.status == (response.status if error is Unavailable else None)


@pytest.mark.parametrize(
    "body", ['{"access_token":"t"}', '[{"access_token":"t"}]', '{"access_token":"t","exp":"1"}']
)
def test_tokens(body: str) -> None:
    assert read_token(answer(200, JSON, body), "") == "t"


PIECES = ["{", "}", "[", "]", ",", ", ", ":", ": ", " ", '"', '"a"', '"b_c":"d"', '"b_c": "e"']
PIECES += ["0", "null", "\\", '\\"', "\u00e9", "\n", "{}", '{"a":"b"}', '{"a":"b","c":"d"}']


def by_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _NO_JSON


@given(st.lists(st.sampled_from(PIECES)).map("".join))
@example('{"a":"b","a":"c"}')
@example('{"a":"b",}')
@example('{"a":"b" "c":"d"}')
@example('{0,"a":"b"}')
@example('{"a":"\\"b":"c"}')
@example('{"a":"b"}}')
def test_an_answer_means_what_it_means_as_json(text: str) -> None:
    assert _parse(text.encode()) == by_json(text)


def test_a_token_in_broken_json_is_in_no_error_on_the_way() -> None:
    """That of the json module has the whole text as an attribute."""
    with pytest.raises(RemoteProtocolError) as caught:
        read_token(answer(200, JSON, '{"access_token":"s3cret"'), "Sign-on")
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_token_by_another_name() -> None:
    response = answer(200, JSON, '{"id_token":"t"}')
    assert read_token(response, "", "id_token") == "t"


def test_a_compressed_answer() -> None:
    headers = (("content-type", JSON), ("content-encoding", "gzip"))
    assert read_token(Response(200, headers, gzip.compress(b'{"access_token":"t"}')), "") == "t"


def test_a_long_text_is_cut() -> None:
    response = answer(400, JSON, f'{{"error":"c","error_description":"{"x" * 10_000}"}}')
    with pytest.raises(AuthError) as caught:
        read_token(response, "Sign-on")
    assert len(str(caught.value)) < 600
