"""Nothing that clients send may end in an exception of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivirt.simulator._http import RequestReader
from trivirt.simulator._routes import ROOT, SERVICES

GET = b"GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"

many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(st.lists(st.binary() | st.sampled_from([GET, GET[:20], GET[20:], b"\r\n", b"\r\n\r\n"])))
def test_any_bytes_are_read_or_refused(pieces):
    reader = RequestReader()
    for piece in pieces:
        for received in reader.feed(piece):
            assert received.request.method
    assert reader.refused in (None, 400, 413, 414)


segment = st.sampled_from(sorted(SERVICES[ROOT].segments)) | st.text(max_size=5)
words = st.sampled_from(
    ["name", "status", "tag", "memory", "time", "severity", "host.name", "vms.status", "web*"]
) | st.sampled_from(
    ["=", "!=", ">", "<=", "and", "or", "sortby", "page", "asc", "desc", "1", "\u00b2", '"', "'"]
)
texts = st.lists(words | st.text(max_size=3), max_size=8).map(" ".join)


@pytest.fixture
def quiet(asker, engine):
    """One engine for all examples of a test; what they add to it does no harm."""
    return asker(engine)


@many
@given(st.lists(segment, max_size=5), st.sampled_from(["GET", "POST", "PUT", "DELETE", "X"]))
def test_any_path_has_an_answer(quiet, path, method):
    answer = quiet(method, "/" + "/".join(quote(each, safe="") for each in path))
    assert answer.status in (200, 201, 202, 400, 404, 405, 409)


@many
@given(st.sampled_from(["vms", "hosts", "events", "disks", "users", "templates"]), texts)
def test_any_search_has_an_answer(quiet, path, text):
    assert quiet.get(f"/{path}?search={quote(text)}").status in (200, 400)


@many
@given(st.dictionaries(st.sampled_from(["max", "from", "follow", "case_sensitive"]), st.text()))
def test_any_parameter_has_an_answer(quiet, parameters):
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    answer = quiet.get(f"/events?{query}")
    assert answer.status == 200 or "follow" in parameters


ELEMENTS = re.findall(
    r"\w+", "vm name cluster id template cpu topology cores nics nic disks status"
)
tree = st.recursive(
    st.text(max_size=5).map(lambda text: re.sub(r"[<&\x00-\x1f]", "", text)),
    lambda inner: st.tuples(st.sampled_from(ELEMENTS), st.lists(inner, max_size=3)).map(
        lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"
    ),
)


@many
@given(tree | st.text(), st.sampled_from(["/vms", "/tags", "/clusters", "/vms/x/start", "/events"]))
def test_any_body_has_an_answer(quiet, body, path):
    for text in (body, f"<vm>{body}</vm>", f"<tag>{body}</tag>"):
        assert quiet("POST", path, text).status in (200, 201, 202, 400, 404, 409)


def test_a_short_session_says_how_many_inputs_it_took():
    fuzz = Path(__file__).parents[1] / "fuzz" / "simulator.py"
    line = [sys.executable, str(fuzz), "--seconds", "0.3", "--seed", "7"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "inputs from seed 7" in done.stdout
    for what in ("requests answered 200", "connections answered", "sockets closed"):
        assert what in done.stdout
