"""Image transfers as the API shows them: phases, tickets, time-outs (points 56 and 59)."""

from __future__ import annotations

import pytest

UPLOAD = "<image_transfer><disk id='{}'/><direction>upload</direction>{}</image_transfer>"
DOWNLOAD = UPLOAD.replace("upload", "download")


@pytest.fixture
def disk(named):
    return named("/disks", "mydisk")


@pytest.fixture
def begin(added, disk, ask):
    """Begin a transfer; its path, when it is transferring."""

    def make(form: str = UPLOAD, more: str = "") -> str:
        transfer = added("/imagetransfers", form.format(disk.rpartition("/")[2], more))
        ask.engine.clock.advance(2)
        assert ask.value(transfer, "phase") == "transferring"
        return transfer

    return make


def phases(passes, transfer, seconds=12):
    return passes(transfer, seconds, element="phase")


def test_point_56_urls_come_with_the_phase(ask, added, disk, passes):
    transfer = added("/imagetransfers", UPLOAD.format(disk[7:], ""))
    assert ask.value(transfer, "phase") == "initializing"
    assert b"_url>" not in ask.get(transfer).body
    assert ask.value(disk, "status") == "locked"
    assert phases(passes, transfer) == ["initializing", "transferring"]
    assert ask.value(transfer, "transfer_url").startswith("http")
    assert ask.value(transfer, "proxy_url")
    assert ask.value(transfer, "active") == "true"


def test_point_56_a_finished_transfer_is_kept_for_a_while(ask, begin, act, passes, disk):
    transfer = begin()
    act(transfer, "finalize")
    assert phases(passes, transfer) == ["finalizing_success", "finished_success"]
    assert ask.value(disk, "status") == "ok"
    ask.engine.clock.advance(ask.engine.durations.transfer_kept)
    assert ask.get(transfer).status == 404


def test_point_56_or_is_gone_at_once(ask, begin, act, passes, disk):
    ask.engine.durations.transfer_kept = 0
    transfer = begin()
    act(transfer, "finalize")
    assert phases(passes, transfer) == ["finalizing_success", "gone"]
    assert ask.value(disk, "status") == "ok"


def test_point_56_a_cancelled_upload_takes_its_disk_along(ask, begin, act, passes, disk):
    transfer = begin()
    act(transfer, "cancel")
    expected = ["cancelled_user", "finalizing_cleanup", "finished_cleanup"]
    assert phases(passes, transfer) == expected
    assert ask.get(disk).status == 404


def test_point_56_a_cancelled_download_leaves_it(ask, begin, act, passes, disk):
    transfer = begin(DOWNLOAD)
    act(transfer, "cancel")
    assert phases(passes, transfer)[-1] == "finished_cleanup"
    assert ask.value(disk, "status") == "ok"


def test_point_56_uploads_pause_and_resume_by_another_ticket(ask, begin, act, passes, refused):
    transfer = begin()
    first = ask.value(transfer, "transfer_url")
    act(transfer, "pause")
    assert ask.value(transfer, "phase") == "paused_user"
    act(transfer, "resume")
    assert phases(passes, transfer) == ["resuming", "transferring"]
    assert ask.value(transfer, "transfer_url") != first
    assert refused("POST", f"{transfer}/resume", "<action/>")[0] == 409


def test_point_56_downloads_do_not_pause(begin, refused):
    assert refused("POST", f"{begin(DOWNLOAD)}/pause", "<action/>")[0] == 409


@pytest.mark.parametrize("action", ["finalize", "cancel", "pause", "extend"])
def test_what_is_over_is_over(begin, act, passes, refused, action):
    transfer = begin()
    act(transfer, "finalize")
    phases(passes, transfer)
    assert refused("POST", f"{transfer}/{action}", "<action/>")[0] == 409


@pytest.mark.parametrize(
    ("form", "policy", "phase"),
    [
        (UPLOAD, "legacy", "paused_system"),
        (DOWNLOAD, "legacy", "finished_failure"),
        (UPLOAD, "pause", "paused_system"),
        (UPLOAD, "cancel", "finished_failure"),
    ],
)
def test_point_59_idle_transfers_end_by_their_policy(ask, begin, passes, form, policy, phase):
    more = f"<timeout_policy>{policy}</timeout_policy><inactivity_timeout>10</inactivity_timeout>"
    transfer = begin(form, more)
    assert phases(passes, transfer, 20)[-1] == phase


def test_point_59_extending_begins_anew(ask, begin, act):
    transfer = begin(UPLOAD, "<inactivity_timeout>10</inactivity_timeout>")
    for _ in range(4):
        ask.engine.clock.advance(8)
        act(transfer, "extend")
    assert ask.value(transfer, "phase") == "transferring"


def test_point_59_no_timeout_is_for_ever(ask, begin):
    transfer = begin(UPLOAD, "<inactivity_timeout>0</inactivity_timeout>")
    for _ in range(20):  # a token would not outlive it at once
        ask.engine.clock.advance(1000)
        ask.get(transfer)
    assert ask.value(transfer, "phase") == "transferring"


def test_one_transfer_of_a_disk_at_a_time(begin, disk, refused):
    begin()
    assert refused("POST", "/imagetransfers", UPLOAD.format(disk[7:], ""))[0] == 409
    assert refused("POST", "/imagetransfers", "<image_transfer/>")[0] == 400


def test_a_disk_snapshot_is_downloaded(ask, disk, added):
    volumes = ask.get(f"{disk}/disksnapshots").body.decode()
    identity = volumes.rpartition('disk_snapshot href="')[2].partition('id="')[2].partition('"')[0]
    inside = f"<snapshot id='{identity}'/><direction>download</direction>"
    body = f"<image_transfer>{inside}</image_transfer>"
    transfer = added("/imagetransfers", body)
    ask.engine.clock.advance(2)
    assert ask.value(transfer, "phase") == "transferring"
    assert ask.value(disk, "status") == "ok"
