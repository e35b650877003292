"""What the front end and the servlet filters do to a request before a resource sees it.

Everything that depends on headers alone is worked out once per header block and kept: clients
send the same block thousands of times.
"""

from __future__ import annotations

import gzip
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qsl, unquote

from trivirt.wire._messages import Headers, Response

API = "/ovirt-engine/api"
VERSIONS = ("3", "4")  # what the engine is shipped with; only 4 has an implementation

_NOT_IN_ID = re.compile(r"[^0-9A-Za-z_-]")


@dataclass(frozen=True)
class HeaderFacts:
    """The headers of a request, read."""

    fields: Mapping[str, str]
    gzip: bool
    correlation_id: str | None
    version: str | None
    json: bool
    xml: bool
    sends_xml: bool
    sends_json: bool
    variant: str  # equal for requests whose headers ask for the same form of an answer

    @classmethod
    def of(cls, headers: Headers) -> HeaderFacts:
        """Read a block; when a header is repeated the first one counts, as it does in Java."""
        fields = dict(reversed(headers))
        accept = fields.get("accept", "*/*")
        kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
        wants_xml = any(kind in ("", "*/*", "application/*", "application/xml") for kind in kinds)
        wants_json = "application/json" in kinds and not _before(kinds, "application/xml")
        content = (fields.get("all-content", ""), fields.get("filter", ""))
        return cls(
            fields,
            "gzip" in fields.get("accept-encoding", "").lower(),
            clean_correlation_id(fields.get("correlation-id")),
            fields.get("version"),
            wants_json,
            wants_xml,
            _sends(fields.get("content-type", ""), "xml"),
            _sends(fields.get("content-type", ""), "json"),
            f"{'json' if wants_json else 'xml'} {content[0]} {content[1]}",
        )


def _sends(content_type: str, form: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == f"application/{form}" or (form == "xml" and kind == "text/xml")


def _before(kinds: list[str], kind: str) -> bool:
    return kind in kinds and kinds.index(kind) < kinds.index("application/json")


def clean_correlation_id(text: str | None) -> str | None:
    """The id as the engine keeps it: foreign characters dropped, cut to 36; None when absent."""
    if text is None:
        return None
    return _NOT_IN_ID.sub("", text)[:36]


@dataclass
class Front:
    """The state of the front end: header blocks it knows, correlation ids it gives out."""

    seed: int = 0
    _known: dict[Headers, HeaderFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(f"correlation {self.seed}")

    def facts(self, headers: Headers) -> HeaderFacts:
        """Read a header block, or remember it."""
        facts = self._known.get(headers)
        if facts is None:
            if len(self._known) >= 1000:
                self._known.clear()
            facts = self._known[headers] = HeaderFacts.of(headers)
        return facts

    def correlation_id(self, text: str | None) -> str:
        """The id of a request whose header has none: as in the query, or a new one."""
        given = clean_correlation_id(text)
        if given is not None:
            return given
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class Body:
    """A document ready to be sent, plain or compressed; compressed at most once."""

    __slots__ = ("_zipped", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._zipped: bytes | None = None

    @property
    def zipped(self) -> bytes:
        """The same, gzip-coded. Long lists are pressed less hard: nothing else runs meanwhile."""
        if self._zipped is None:
            level = 6 if len(self.plain) < 256 * 1024 else 1
            self._zipped = gzip.compress(self.plain, level, mtime=0)
        return self._zipped


@dataclass(frozen=True)
class Asked:
    """One admitted request of the API, taken apart.

    `path` is relative to the API root, still percent-encoded, without `/v4` and a final slash;
    `parameters` are those of the query, and of the last path segment where the query has none.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    facts: HeaderFacts
    body: bytes
    user: str
    correlation_id: str
    target: str


@dataclass(frozen=True)
class Answer:
    """What a resource gives back. `kind` is one of the kinds that the statistics count.

    With `again` it must be held back until that gives an answer, which then takes its place.
    """

    status: int
    headers: Headers
    body: Body
    kind: str = "other"
    again: Callable[[], Answer | None] | None = None

    @classmethod
    def of(cls, response: Response, kind: str = "other") -> Answer:
        """A complete response, as an answer."""
        return cls(response.status, response.headers, Body(response.body), kind)


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Path relative to the API root, and the parameters."""
    path, _, query = target.partition("?")
    path = path[len(API) :]
    if path == "/v4" or path.startswith("/v4/"):
        path = path[3:]
    path = path.rstrip("/")
    if not query and ";" not in path:
        return path, {}
    head, slash, last = path.rpartition("/")
    last, _, matrix = last.partition(";")
    path = head + slash + last
    pairs = parse_qsl(query, keep_blank_values=True)
    pairs += [_pair(part) for part in matrix.split(";") if part]
    return path, dict(reversed(pairs))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote(name), unquote(value)


ENCODED: Headers = (("content-encoding", "gzip"), ("vary", "Accept-Encoding"))


def compressed(response: Response) -> Response:
    """The response as a client gets it that accepts gzip."""
    if not response.body:
        return response
    return Response(response.status, response.headers + ENCODED, Body(response.body).zipped)
