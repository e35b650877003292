"""Recorded exchanges of real engines, served word for word.

A recording is JSON Lines, compressed or not, one exchange per line with at least `method`,
`path_and_query`, `status` and `body`; `source` names the recording session and `headers` may hold
a `content-type`.

How a request finds its exchange:

1. Same method, path and query: the last such exchange, since what was recorded later is what
   the engine would say now.
2. Queries are equal when they have the same parameters, in any order and encoding; a
   `correlation_id` is no part of it. Paths are equal with or without `/v4` and a final slash.
3. Nothing else is guessed: a search, a page or a `follow` that was not recorded has no answer,
   because the list without it would be a wrong one. What has no answer is 404 with an empty
   body, as is an entity that does not exist.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from trivirt import errors
from trivirt.simulator._front import API, Answer, Body
from trivirt.simulator._pages import empty
from trivirt.wire._messages import Headers, Request, Response

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def key_of(method: str, target: str) -> Key:
    """What two requests that mean the same have in common."""
    path, _, query = target.partition("?")
    if path.startswith(f"{API}/v4"):
        path = API + path[len(API) + 3 :]
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = sorted(pair for pair in pairs if pair[0] != "correlation_id")
    return method, path.rstrip("/"), tuple(kept)


class Recording:
    """The exchanges of one file, or of one source in it."""

    def __init__(self, exchanges: Iterable[tuple[Key, Answer]]) -> None:
        self._answers = dict(exchanges)

    def __len__(self) -> int:
        return len(self._answers)

    def __repr__(self) -> str:
        return f"<Recording, {len(self)} answers>"

    def answer(self, request: Request) -> Answer:
        """The recorded answer, or 404 without a body."""
        method = "GET" if request.method == "HEAD" else request.method
        answer = self._answers.get(key_of(method, request.target))
        return answer or Answer.of(empty(404), _kind(method, request.target))

    def response(self, request: Request) -> Response:
        """The same for a path outside of the API."""
        answer = self.answer(request)
        return Response(answer.status, answer.headers, answer.body.plain)

    @classmethod
    def load(cls, file: str | Path, source: str | None = None) -> Recording:
        """Read a file. `source` is a name as in it, or its end behind a slash if that is unique.

        Raises UsageError with a sentence for people when that cannot be done.
        """
        records = _read(Path(file))
        if source is not None:
            chosen = _choose(source, {record["source"] for _, record in records}, file)
            records = [each for each in records if each[1]["source"] == chosen]
        return cls(
            (key_of(record["method"], record["path_and_query"]), _answer(record))
            for _, record in records
        )


def _read(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """All records, each with the number of its line."""
    try:
        data = file.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        text = data.decode()
    except OSError as error:
        reason = error.strerror if error.strerror and error.errno else str(error)
        raise errors.UsageError(f"cannot read the recording {file}: {reason}") from error
    except (EOFError, zlib.error) as error:
        raise errors.UsageError(f"the recording {file} is damaged: {error}") from error
    except UnicodeDecodeError as error:
        raise errors.UsageError(f"the recording {file} is not UTF-8 text") from error
    # Not splitlines(): it knows ends of line that JSON allows inside of strings.
    lines = enumerate(text.split("\n"), 1)
    records = [(number, _record(line, number, file)) for number, line in lines if line.strip()]
    if not records:
        raise errors.UsageError(f"the recording {file} holds no exchange")
    return records


_FIELDS: dict[str, tuple[type, ...]] = {
    "method": (str,),
    "path_and_query": (str,),
    "status": (int,),
    "body": (str, type(None)),
}


def _record(line: str, number: int, file: Path) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        message = f"line {number} of the recording {file} is not JSON: {error}"
        raise errors.UsageError(message) from error
    if not isinstance(record, dict):
        raise errors.UsageError(f"line {number} of the recording {file} is not a JSON object")
    for name, kinds in _FIELDS.items():
        if not isinstance(record.get(name), kinds):
            message = f"line {number} of the recording {file} has no usable {name!r}"
            raise errors.UsageError(message)
    if not 100 <= record["status"] <= 999 or not isinstance(record.get("headers", {}), dict):
        message = f"line {number} of the recording {file} has a status or headers that cannot be"
        raise errors.UsageError(message)
    record["source"] = str(record.get("source") or "")
    return record


def _choose(source: str, known: set[str], file: str | Path) -> str:
    if source in known:
        return source
    similar = sorted(name for name in known if name.endswith(f"/{source}"))
    if len(similar) == 1:
        return similar[0]
    names = ", ".join(sorted(known))
    raise errors.UsageError(f"the recording {file} has no source {source!r}; it has: {names}")


def _answer(record: dict[str, Any]) -> Answer:
    headers: Headers = tuple(
        (str(name).lower(), str(value)) for name, value in record.get("headers", {}).items()
    )
    # Framing is our own affair, and compression was undone when the file was made.
    ours = {"content-length", "transfer-encoding", "connection", "content-encoding"}
    kept = tuple(pair for pair in headers if pair[0] not in ours)
    body = Body((record["body"] or "").encode(errors="replace"))
    return Answer(record["status"], kept, body, _kind(record["method"], record["path_and_query"]))


def _kind(method: str, target: str) -> str:
    """What the statistics call it; an id, unlike the name of a collection, has digits."""
    if method != "GET":
        return {"POST": "add", "PUT": "update", "DELETE": "remove"}.get(method, "other")
    last = target.partition("?")[0].rstrip("/").rpartition("/")[2]
    return "get" if any(letter.isdigit() for letter in last) else "list"
