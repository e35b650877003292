"""Bricks of gluster volumes, of which one request adds or removes several."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def volume(ask, named, added):
    cluster, host = named("/clusters", "mycluster"), named("/hosts", "myhost")[7:]
    brick = f"<brick><server_id>{host}</server_id><brick_dir>/1</brick_dir></brick>"
    inside = f"<name>newvolume</name><volume_type>distribute</volume_type><bricks>{brick}</bricks>"
    return added(f"{cluster}/glustervolumes", f"<gluster_volume>{inside}</gluster_volume>")


def bricks(answer) -> list[str]:
    return re.findall(r"<brick_dir>(.*)</brick_dir>", answer.body.decode())


def ids(answer) -> list[str]:
    return re.findall(r'^    <brick href="[^"]+" id="([^"]+)"', answer.body.decode(), re.M)


def test_several_bricks_come_and_go(ask, volume, named, refused):
    host, path = named("/hosts", "myhost")[7:], f"{volume}/glusterbricks"
    two = "".join(
        f"<brick><server_id>{host}</server_id><brick_dir>/{n}</brick_dir></brick>" for n in (2, 3)
    )
    answer = ask("POST", path, f"<bricks>{two}</bricks>")
    assert answer.status == 201
    assert bricks(answer) == ["/2", "/3"]
    assert bricks(ask.get(path)) == ["/1", "/2", "/3"]
    assert refused("POST", path, f"<bricks>{two}</bricks>")[0] == 409
    named_ones = "".join(f"<brick id='{each}'/>" for each in ids(answer))
    body = f"<action><bricks>{named_ones}</bricks></action>"
    for action in ("migrate", "stopmigrate", "activate"):
        assert ask("POST", f"{path}/{action}", body).status == 200
    assert ask("DELETE", path, body).status == 200
    assert bricks(ask.get(path)) == ["/1"]
    assert ask("DELETE", path, body).status == 404
    assert ask("DELETE", path).status == 400
    last = f"<action><bricks><brick id='{ids(ask.get(path))[0]}'/></bricks></action>"
    assert refused("DELETE", path, last)[0] == 409


def test_bricks_in_json(ask, volume, named):
    host, path = named("/hosts", "myhost")[7:], f"{volume}/glusterbricks"
    body = f'{{"brick": [{{"server_id": "{host}", "brick_dir": "/2"}}]}}'
    assert ask("POST", path, body, content_type="application/json").status == 201
    assert bricks(ask.get(path)) == ["/1", "/2"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<bricks><brick/></bricks>", 400),
        ("<bricks><nothing/></bricks>", 400),
        ("<bricks", 400),
        ("<bricks><brick><server_id>x</server_id><brick_dir>/2</brick_dir></brick></bricks>", 404),
    ],
)
def test_bricks_that_cannot_be(ask, volume, body, status):
    assert ask("POST", f"{volume}/glusterbricks", body).status == status
    assert bricks(ask.get(f"{volume}/glusterbricks")) == ["/1"]


def test_a_volume_says_what_it_is_made_of(ask, named, refused):
    home = f"{named('/clusters', 'mycluster')}/glustervolumes"
    body = "<gluster_volume><name>x</name></gluster_volume>"
    assert refused("POST", home, body)[0] == 400


@pytest.mark.parametrize("action", ["setoption", "resetoption"])
def test_options_have_names(ask, volume, refused, action):
    assert refused("POST", f"{volume}/{action}", "<action/>")[0] == 400
