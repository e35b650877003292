"""Replay of real engines; what is expected is read from the file by other means than ours."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree
from pathlib import Path

import pytest

from trivirt import errors
from trivirt.simulator import SimulatedEngine

FILE = Path(__file__).parent.parent / "recordings" / "dev.jsonl.gz"

with gzip.open(FILE, "rt", encoding="utf-8") as lines:
    RECORDS = [json.loads(line) for line in lines]

API = "/ovirt-engine/api"
SOURCES = sorted({record["source"] for record in RECORDS})
WITH_VMS = sorted({r["source"] for r in RECORDS if r["path_and_query"] == f"{API}/vms"})


def last_of(records):
    """The last record of each method and path."""
    return list({(r["method"], r["path_and_query"]): r for r in records}.values())


@pytest.fixture
def replaying(asker):
    def start(source=None, recording=FILE):
        return asker(SimulatedEngine(recording=recording, source=source))

    return start


def ask_for(ask, record):
    token = f"Bearer {ask.token}"
    return ask.send(record["method"], record["path_and_query"], authorization=token)


def check(ask, record):
    answer = ask_for(ask, record)
    assert answer.status == record["status"], record["path_and_query"]
    assert answer.body == (record["body"] or "").encode()
    assert answer.header("content-type") == record["headers"].get("content-type")


@pytest.mark.parametrize("source", SOURCES)
def test_every_exchange_of_a_source_is_served_word_for_word(replaying, source):
    ask = replaying(source)
    records = [record for record in RECORDS if record["source"] == source]
    for record in last_of(records):
        check(ask, record)


def test_without_a_source_the_last_exchange_of_a_path_wins(replaying):
    ask = replaying()
    records = last_of(RECORDS)
    assert len(records) < len(RECORDS)
    for record in records:
        check(ask, record)


@pytest.mark.parametrize("source", WITH_VMS)
def test_the_counts_are_those_of_the_recording(replaying, source, listed):
    ask = replaying(source)
    bodies = {r["path_and_query"]: r["body"] for r in RECORDS if r["source"] == source}
    vms = xml.etree.ElementTree.fromstring(bodies[f"{API}/vms"]).findall("vm")
    assert len(vms) > 0
    assert listed(ask.get("/vms")) == [vm.get("href").removeprefix(API) for vm in vms]
    for vm in vms:
        path = f"{vm.get('href')}/nics"
        answer = ask.get(path.removeprefix(API))
        if path not in bodies:
            assert (answer.status, answer.body) == (404, b"")
        else:
            nics = xml.etree.ElementTree.fromstring(bodies[path]).findall("nic")
            assert len(listed(answer)) == len(nics)


def test_what_was_not_recorded_is_404_without_a_body(replaying):
    answer = replaying().get("/vms/x/permissions")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.header("content-type") is None


def test_sign_on_is_the_simulators_own(replaying):
    ask = replaying()
    ask.engine.expire_tokens()
    assert ask.get("/vms").status == 401
    ask.token = ask.sign_on()
    assert ask.get("/vms").status == 200


SEARCH = f"{API}/templates?search=vm.id%3D0d37ca3b-cdbc-4b78-b0b9-7cd71ddc7e35"


def write(path, *records):
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


def record(path, body="", method="GET", status=200, **more):
    return {"method": method, "path_and_query": path, "status": status, "body": body, **more}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("/vms?max=2&search=a%3Db", "both"),
        ("/vms?search=a%3Db&max=2", "both"),
        ("/vms?search=a=b&max=2", "both"),
        ("/vms?max=2&search=a%3Db&correlation_id=x", "both"),
        ("/v4/vms", "plain"),
        ("/vms/", "plain"),
        ("/vms?max=3", None),
        ("/vms?follow=nics", None),
        ("/hosts", None),
    ],
)
def test_which_queries_are_equal(replaying, tmp_path, asked, expected):
    file = write(
        tmp_path / "plain.jsonl",
        record(f"{API}/vms", "plain"),
        record(f"{API}/vms?max=2&search=a%3Db", "both"),
    )
    answer = replaying(recording=file).get(asked)
    assert answer.body == (expected or "").encode()
    assert answer.status == (404 if expected is None else 200)


def test_methods_are_told_apart(replaying, tmp_path):
    file = write(
        tmp_path / "some.jsonl",
        record(f"{API}/vms/a", "old"),
        record(f"{API}/vms/a", "new", method="PUT"),
    )
    ask = replaying(recording=file)
    assert ask.get("/vms/a").body == b"old"
    assert ask("PUT", "/vms/a", "<vm/>").body == b"new"
    assert ask("DELETE", "/vms/a").status == 404
    assert ask("HEAD", "/vms/a").status == 200


def test_a_source_may_be_named_by_its_end(replaying):
    ask = replaying("refresher_network_recording")
    assert ask.get("/clusters").status == 200


def test_statistics_count_kinds(replaying):
    ask = replaying()
    ask.get("/vms")
    ask.get("/vms/17a94da8-3d02-430e-9b83-5e39f92907e8")
    assert ask.engine.statistics.by_kind["list"] == 1
    assert ask.engine.statistics.by_kind["get"] == 1


GOOD = json.dumps(record("/a"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"", "no exchange", id="empty"),
        pytest.param(b"not json", "line 1 .* not JSON", id="text"),
        pytest.param(GOOD.encode() + b"\n{", "line 2 .* not JSON", id="broken"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(b'{"method": "GET"}', "path_and_query", id="incomplete"),
        pytest.param(GOOD.replace("200", '"200"').encode(), "status", id="kind"),
        pytest.param(GOOD.replace("200", "20").encode(), "status", id="status"),
        pytest.param(b"\xff\xfe\x00", "not UTF-8", id="binary"),
        pytest.param(gzip.compress(GOOD.encode())[:-10], "damaged", id="cut"),
        pytest.param(b"\x1f\x8b nonsense", "recording", id="no gzip"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_sentence(tmp_path, content, complaint):
    file = tmp_path / "file.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(errors.UsageError, match=complaint) as caught:
        SimulatedEngine(recording=file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_recording(tmp_path):
    with pytest.raises(errors.UsageError, match=r"directory|denied"):
        SimulatedEngine(recording=tmp_path)


def test_an_unknown_source_is_refused_with_those_there_are():
    with pytest.raises(errors.UsageError, match=r"'nonsense'.*refresher_target_host"):
        SimulatedEngine(recording=FILE, source="nonsense")


def test_a_source_needs_a_recording():
    with pytest.raises(errors.UsageError, match="needs a recording"):
        SimulatedEngine(source="x")
