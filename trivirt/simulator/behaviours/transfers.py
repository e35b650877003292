"""Image transfers as the API shows them: phases, tickets, time-outs."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._changes import Stretch
from trivirt.simulator._command import Command, World, get, is_there, link_to
from trivirt.simulator._images import packed
from trivirt.simulator._qcow2 import NotQcow2
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import disks

Phase = types.ImageTransferPhase
Direction, Policy = types.ImageTransferDirection, types.ImageTransferTimeoutPolicy
RAW, COW = types.DiskFormat.RAW, types.DiskFormat.COW
COW_OVERHEAD = 64 * 1024**2  # a full qcow2 file is larger than the disk it describes
ENDED = (Phase.FINISHED_SUCCESS, Phase.FINISHED_FAILURE, Phase.FINISHED_CLEANUP)


@dataclass
class Ticket:
    """What the daemon lets the holder of a ticket do, and for how long.

    `dirty` is what an incremental backup has to read.
    """

    identity: str
    image: str
    size: int
    upload: bool
    timeout: float
    used: float  # when, by the engine's clock
    transferred: int = 0
    dirty: list[Stretch] | None = None
    good: bool = True


@dataclass
class Tickets:
    """Those that the daemon knows, by the secret in the URL."""

    url: str = "http://imageio.simulated:54322"
    known: dict[str, Ticket] = field(default_factory=dict)


def add(command: Command, transfer: types.ImageTransfer) -> Entry:
    """URLs come when it is transferring."""
    disk, image, size = _target(command, transfer)
    disks.check_lock(disk, "transfer")
    for other in command.store.collection("/imagetransfers"):
        active = get(other, "phase") not in ENDED
        if active and (image_of := get(other, "image")) is not None and image_of.id == disk.id:
            raise conflict("Cannot transfer Virtual Disk. Another transfer is in progress.")
    transfer.id, transfer.href = command.store.new_id(), None
    transfer.direction = transfer.direction or Direction.UPLOAD
    transfer.timeout_policy = transfer.timeout_policy or Policy.LEGACY
    if transfer.inactivity_timeout is None:
        transfer.inactivity_timeout = 60
    if transfer.format is None:
        transfer.format = get(disk, "format")
    transfer.image = types.Image(id=disk.id)
    transfer.disk = link_to(disk) if transfer.snapshot is None else None
    transfer.active, transfer.transferred = False, 0
    transfer.shallow = bool(transfer.shallow)
    if transfer.host is None:
        up = types.HostStatus.UP
        hosts = [e for e in command.store.collection("/hosts") if get(e, "status") is up]
        transfer.host = link_to(hosts[0]) if hosts else None
    transfer.phase = Phase.INITIALIZING
    if transfer.format is COW:
        image, size = _as_qcow2(command, transfer, image, size)
    entry = command.store.add("/imagetransfers", transfer)
    entry.note = image
    if transfer.backup is None and transfer.snapshot is None:
        command.store.replace(disk, status=types.DiskStatus.LOCKED)
    command.log(1031, "Image transfer with disk " + (get(disk, "name") or "") + " was initiated.")
    chain = (Phase.INITIALIZING, Phase.TRANSFERRING)
    command.passes(entry, chain, lambda: _open(command, entry, image, size), attribute="phase",
                   lasting=command.durations.starting)  # fmt: skip
    return entry


def _target(command: Command, transfer: types.ImageTransfer) -> tuple[Entry, str, int]:
    """The disk, the id of the image whose bytes travel, and its size."""
    if transfer.snapshot is not None:
        wanted = transfer.snapshot.id or ""
        for path in command.store.paths("/disks/", "/disksnapshots"):
            volume = command.store.find(path, wanted)
            if volume is not None:
                disk = command.find(get(volume, "disk"))
                if disk is not None:
                    return disk, wanted, get(volume, "provisioned_size") or 0
        raise conflict("Cannot transfer Disk Snapshot. The Disk Snapshot does not exist.")
    named = transfer.disk if transfer.disk is not None else transfer.image
    if named is None or named.id is None:
        raise incomplete("ImageTransfer", "image|disk|snapshot.id", "add")
    found = command.find(types.Disk(id=named.id))
    assert found is not None
    return found, get(found, "image_id") or found.id, get(found, "provisioned_size") or 0


def _as_qcow2(
    command: Command, transfer: types.ImageTransfer, image: str, size: int
) -> tuple[str, int]:
    """The name and the size of the file that stands for the image."""
    images = command.world.images
    if transfer.direction is Direction.DOWNLOAD:
        return packed(image), images.pack(image, size)
    images.remove(packed(image))
    images.path(packed(image), 0)
    return packed(image), size + COW_OVERHEAD


def _open(command: Command, transfer: Entry, image: str, size: int) -> None:
    secret = command.store.new_id()
    upload = get(transfer, "direction") is Direction.UPLOAD
    backup = get(transfer, "backup")
    command.world.tickets.known[secret] = Ticket(
        transfer.id,
        image,
        size,
        upload,
        float(get(transfer, "inactivity_timeout")),
        command.store.now,
        dirty=_dirty(command, backup, image),
    )
    url = f"{command.world.tickets.url}/images/{secret}"
    command.store.replace(transfer, active=True, transfer_url=url, proxy_url=url)
    _watch(command.world, transfer, secret)


def _dirty(command: Command, backup: types.Backup | None, image: str) -> list[Stretch] | None:
    """What was written between the checkpoints of an incremental backup; None for full ones."""
    for path in command.store.paths("/vms/", "/backups"):
        found = command.store.find(path, (backup.id if backup is not None else None) or "")
        if found is not None and get(found, "from_checkpoint_id") is not None:
            changes = command.world.images.changes(image)
            return changes.between(get(found, "from_checkpoint_id"), get(found, "to_checkpoint_id"))
    return None


def _watch(world: World, transfer: Entry, secret: str) -> None:
    """End what nobody uses, as the time-out policy says."""
    ticket = world.tickets.known.get(secret)
    if ticket is None or not ticket.timeout:
        return
    idle = world.store.now - ticket.used
    if idle < ticket.timeout:
        world.store.after(ticket.timeout - idle, lambda: _watch(world, transfer, secret))
        return
    if not is_there(transfer) or get(transfer, "phase") is not Phase.TRANSFERRING:
        return
    policy = get(transfer, "timeout_policy")
    upload = get(transfer, "direction") is Direction.UPLOAD
    if policy is Policy.PAUSE or (policy is Policy.LEGACY and upload):
        ticket.good = False
        world.store.replace(transfer, phase=Phase.PAUSED_SYSTEM, active=False)
        return
    _close(world, transfer)
    world.store.replace(transfer, phase=Phase.CANCELLED_SYSTEM)
    world.store.after(
        world.durations.cancelled, lambda: _end(world, transfer, Phase.FINISHED_FAILURE)
    )


def _close(world: World, transfer: Entry) -> int:
    """The ticket is worth nothing any more; how many bytes it was used for."""
    moved = 0
    for secret, ticket in list(world.tickets.known.items()):
        if ticket.identity == transfer.id:
            moved = ticket.transferred
            del world.tickets.known[secret]
    if is_there(transfer):
        world.store.replace(
            transfer, active=False, transferred=moved, transfer_url=None, proxy_url=None
        )
    return moved


def _end(world: World, transfer: Entry, phase: types.ImageTransferPhase) -> None:
    """Over: the disk is good, or an upload's disk goes with its transfer."""
    store = world.store
    if not is_there(transfer):
        return
    store.replace(transfer, phase=phase)
    image = get(transfer, "image")
    disk = store.find("/disks", image.id)
    upload = get(transfer, "direction") is Direction.UPLOAD
    good = phase is Phase.FINISHED_SUCCESS
    if disk is not None and get(transfer, "backup") is None:
        if good or not upload:
            store.replace(disk, status=types.DiskStatus.OK)
        else:
            store.replace(disk, status=types.DiskStatus.ILLEGAL)
            store.after(world.durations.finalizing, lambda: store.remove(disk))
    durations = world.durations
    kept = durations.transfer_kept if good else durations.failed_transfer_kept
    if kept == 0:
        store.remove(transfer)
    else:
        store.after(kept, lambda: store.remove(transfer))


# Actions.


def finalize(command: Command) -> None:
    """The client is done."""
    transfer = command.entry
    _must_not_be_over(transfer, "finalize")
    if get(transfer, "phase") is Phase.INITIALIZING:
        raise conflict("Cannot finalize the transfer. It has not begun.")
    _close(command.world, transfer)
    text = "Image Upload with disk finished" if get(
        transfer, "direction"
    ) is Direction.UPLOAD else "Image Download with disk finished"  # fmt: skip
    command.store.replace(transfer, phase=Phase.FINALIZING_SUCCESS)

    def finished() -> None:
        try:
            _unpack(command, transfer)
        except NotQcow2:
            command.log(1034, "Transfer has failed.", severity=types.LogSeverity.ERROR)
            command.store.replace(transfer, phase=Phase.FINALIZING_FAILURE)
            command.failed = True
            command.after(
                command.durations.finalizing,
                lambda: _end(command.world, transfer, Phase.FINISHED_FAILURE),
            )
            return
        command.log(1032, text)
        _end(command.world, transfer, Phase.FINISHED_SUCCESS)

    command.after(command.durations.finalizing, finished)


def _unpack(command: Command, transfer: Entry) -> None:
    """Verify an uploaded qcow2 file, as engines do, and make it what the guest sees."""
    disk = command.store.find("/disks", get(transfer, "image").id)
    upload = get(transfer, "direction") is Direction.UPLOAD
    if upload and get(transfer, "format") is COW and disk is not None:
        image = (transfer.note or "").removesuffix(packed(""))
        command.world.images.unpack(image, get(disk, "provisioned_size") or 0)


def cancel(command: Command) -> None:
    """The client gives up."""
    transfer = command.entry
    _must_not_be_over(transfer, "cancel")
    command.world.going_on.pop(transfer.path, None)
    _close(command.world, transfer)
    command.store.replace(transfer, phase=Phase.CANCELLED_USER)
    command.log(1033, "Image transfer was cancelled.")

    def clean() -> None:
        command.store.replace(transfer, phase=Phase.FINALIZING_CLEANUP)
        command.after(
            command.durations.finalizing,
            lambda: _end(command.world, transfer, Phase.FINISHED_CLEANUP),
        )

    command.after(command.durations.cancelled, clean)


def pause(command: Command) -> None:
    """Uploads only."""
    transfer = command.entry
    _must_not_be_over(transfer, "pause")
    if get(transfer, "direction") is Direction.DOWNLOAD:
        raise conflict("Cannot pause the transfer. Downloads cannot be paused.")
    for ticket in command.world.tickets.known.values():
        if ticket.identity == transfer.id:
            ticket.good = False
    command.store.replace(transfer, phase=Phase.PAUSED_USER, active=False)


def resume(command: Command) -> None:
    """On with it, by a new ticket."""
    transfer = command.entry
    if get(transfer, "phase") not in (Phase.PAUSED_USER, Phase.PAUSED_SYSTEM):
        raise conflict("Cannot resume the transfer. It is not paused.")
    disk = command.store.find("/disks", get(transfer, "image").id)
    size = 0 if disk is None else get(disk, "provisioned_size") or 0
    if get(transfer, "format") is COW:
        size += COW_OVERHEAD
    _close(command.world, transfer)
    image = transfer.note or ""
    command.passes(transfer, (Phase.RESUMING, Phase.TRANSFERRING),
                   lambda: _open(command, transfer, image, size), attribute="phase")  # fmt: skip


def extend(command: Command) -> None:
    """Its time begins anew."""
    _must_not_be_over(command.entry, "extend")
    for ticket in command.world.tickets.known.values():
        if ticket.identity == command.entry.id:
            ticket.used = command.store.now


def _must_not_be_over(transfer: Entry, verb: str) -> None:
    phase = get(transfer, "phase")
    if phase in ENDED or settled(transfer.value)["phase"].value.startswith("finalizing"):
        raise conflict(f"Cannot {verb} the transfer. It is over.")


ACTIONS = {
    ("ImageTransferService", "cancel"): cancel,
    ("ImageTransferService", "extend"): extend,
    ("ImageTransferService", "finalize"): finalize,
    ("ImageTransferService", "pause"): pause,
    ("ImageTransferService", "resume"): resume,
}
ADDING = {"ImageTransfersService": add}
