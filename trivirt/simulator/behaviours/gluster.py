"""Gluster volumes of clusters, their bricks and options."""

from __future__ import annotations

from typing import Any

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry

Volume, Brick = types.GlusterVolumeStatus, types.GlusterBrickStatus
BRICKS = "/clusters/{id}/glustervolumes/{id}/glusterbricks"


def add(command: Command, volume: types.GlusterVolume) -> Entry:
    """It is down until somebody starts it."""
    if volume.name is None or volume.volume_type is None or not volume.bricks:
        raise incomplete("GlusterVolume", "name, volumeType, bricks", "add")
    if any(
        name_of(each) == volume.name for each in command.below(command.owner(), "glustervolumes")
    ):
        raise conflict("Cannot create Gluster Volume. The volume name is already in use.")
    bricks, volume.bricks = volume.bricks, None
    _check_servers(command, bricks)
    volume.status, volume.cluster = Volume.DOWN, link_to(command.owner())
    volume.transport_types = volume.transport_types or Items([types.TransportType.TCP])
    entry = command.put(volume)
    for brick in bricks:
        _put(command, entry, brick)
    command.log(4000, f"Gluster Volume {volume.name} created.", cluster=command.owner())
    return entry


def add_brick(command: Command, brick: types.GlusterBrick) -> Entry:
    """One of those that a request adds."""
    _check_servers(command, [brick])
    return _put(command, command.owner(), brick)


def _check_servers(command: Command, bricks: list[types.GlusterBrick]) -> None:
    for brick in bricks:
        if brick.server_id is None or brick.brick_dir is None:
            raise incomplete("GlusterBrick", "serverId, brickDir", "add")
        if command.store.find("/hosts", brick.server_id) is None:
            raise unknown_related("Host", f"id={brick.server_id}")


def _put(command: Command, volume: Entry, brick: types.GlusterBrick) -> Entry:
    host = command.store.find("/hosts", brick.server_id or "")
    path = f"{volume.path}/glusterbricks"
    brick.name = f"{get(host, 'address') if host is not None else ''}:{brick.brick_dir}"
    if any(name_of(each) == brick.name for each in command.below(volume, "glusterbricks")):
        raise conflict("Cannot add Brick. It is used already.")
    brick.id, brick.href = command.store.new_id(), None
    brick.gluster_volume = link_to(volume)
    brick.status = Brick.UP if get(volume, "status") is Volume.UP else Brick.DOWN
    return command.store.add(path, brick, BRICKS)


def remove(command: Command) -> None:
    """Not while it is up."""
    if get(command.entry, "status") is Volume.UP:
        raise conflict("Cannot delete Gluster Volume. It is started.")
    command.store.remove(command.entry)


def start(command: Command) -> None:
    """With its bricks."""
    _turn(command, Volume.UP, Brick.UP, "start", "started")


def stop(command: Command) -> None:
    """The same."""
    _turn(command, Volume.DOWN, Brick.DOWN, "stop", "stopped")


def _turn(
    command: Command,
    status: types.GlusterVolumeStatus,
    bricks: types.GlusterBrickStatus,
    verb: str,
    past: str,
) -> None:
    volume = command.entry
    if get(volume, "status") is status:
        raise conflict(f"Cannot {verb} Gluster Volume. It is {past} already.")
    command.store.replace(volume, status=status)
    for brick in command.below(volume, "glusterbricks"):
        command.store.replace(brick, status=bricks)


def _must_be_up(command: Command, verb: str) -> None:
    if get(command.entry, "status") is not Volume.UP:
        raise conflict(f"Cannot {verb} Gluster Volume. It is not started.")


def rebalance(command: Command) -> None:
    """The bytes are as they were."""
    _must_be_up(command, "rebalance")


def profile(command: Command) -> None:
    """Whether it is measured, nobody can see."""
    _must_be_up(command, "profile")


def profile_statistics(command: Command) -> dict[str, Any]:
    """What each brick was asked for, which is nothing."""
    _must_be_up(command, "profile")
    bricks = command.below(command.entry, "glusterbricks")
    details = Items(types.BrickProfileDetail(brick=link_to(brick)) for brick in bricks)
    found = types.GlusterVolumeProfileDetails(id=command.entry.id, brick_profile_details=details)
    return {"details": found}


# Options.


def set_option(command: Command) -> None:
    """Any name is good."""
    wanted = _option(command, "setoption")
    if wanted.value is None:
        raise incomplete("Action", "option.value", "setoption")
    others = [each for each in get(command.entry, "options") or () if each.name != wanted.name]
    option = types.Option(name=wanted.name, value=wanted.value)
    command.store.replace(command.entry, options=Items([*others, option]))


def reset_option(command: Command) -> None:
    """As if nobody had set it."""
    wanted = _option(command, "resetoption")
    kept = [each for each in get(command.entry, "options") or () if each.name != wanted.name]
    command.store.replace(command.entry, options=Items(kept) or None)


def reset_all_options(command: Command) -> None:
    """All of them."""
    command.store.replace(command.entry, options=None)


def _option(command: Command, action: str) -> types.Option:
    wanted = command.action.option
    if wanted is None or wanted.name is None:
        raise incomplete("Action", "option.name", action)
    return wanted


# Bricks of a volume, several at once.


def check_bricks(command: Command) -> None:
    """Actions on bricks change nothing that is seen, but the bricks must be there."""
    _named(command)


def remove_bricks(command: Command) -> None:
    """One must be left."""
    gone = _named(command)
    if len(gone) == len(command.below(command.owner(), "glusterbricks")):
        raise conflict("Cannot remove Brick. A volume has one at least.")
    for brick in gone:
        command.store.remove(brick)


def remove_brick(command: Command) -> None:
    """The same for a single one."""
    if len(command.below(command.owner(), "glusterbricks")) == 1:
        raise conflict("Cannot remove Brick. A volume has one at least.")
    command.store.remove(command.entry)


def _named(command: Command) -> list[Entry]:
    bricks = command.below(command.owner(), "glusterbricks")
    found = []
    for wanted in command.action.bricks or ():
        given = settled(wanted)
        match = [e for e in bricks if given.get("id") == e.id or given.get("name") == name_of(e)]
        if not match:
            raise unknown_related("GlusterBrick", f"id={given.get('id')}")
        found += match
    if not found:
        raise incomplete("Action", "bricks", command.place.action or "remove")
    return found


ACTIONS = {
    ("GlusterVolumeService", "start"): start,
    ("GlusterVolumeService", "stop"): stop,
    ("GlusterVolumeService", "rebalance"): rebalance,
    ("GlusterVolumeService", "stoprebalance"): rebalance,
    ("GlusterVolumeService", "startprofile"): profile,
    ("GlusterVolumeService", "stopprofile"): profile,
    ("GlusterVolumeService", "getprofilestatistics"): profile_statistics,
    ("GlusterVolumeService", "setoption"): set_option,
    ("GlusterVolumeService", "resetoption"): reset_option,
    ("GlusterVolumeService", "resetalloptions"): reset_all_options,
    ("GlusterBricksService", "activate"): check_bricks,
    ("GlusterBricksService", "migrate"): check_bricks,
    ("GlusterBricksService", "stopmigrate"): check_bricks,
}
ADDING = {"GlusterVolumesService": add, "GlusterBricksService": add_brick}
REMOVING = {
    "GlusterVolumeService": remove,
    "GlusterBrickService": remove_brick,
    "GlusterBricksService": remove_bricks,
}
