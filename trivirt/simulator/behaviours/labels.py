"""Tags, affinity labels and affinity groups: who is together with whom."""

from __future__ import annotations

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._finding import find_named
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._seed_layout import NOBODY
from trivirt.simulator._store import Entry, identity_of, reference

# The two sides of affinity labels: what is on one entity, who has one label.
OWNERS = {"Vm": "vms", "Host": "hosts"}


def label(command: Command, wanted: types.AffinityLabel) -> Entry:
    """Put a label on a VM or host."""
    if not settled(wanted).keys() & {"id", "name"}:
        raise incomplete("AffinityLabel", "id|name", "add")
    owner = command.owner()
    found = find_named(command.store, "/affinitylabels", wanted, "AffinityLabel")
    return _tie(command, owner, found)


def label_member(command: Command, wanted: types.Vm | types.Host) -> Entry:
    """The same from the label's side."""
    owner = command.find(wanted)
    if owner is None:
        raise incomplete(type(wanted).__name__, "id|name", "add")
    found = command.owner()
    _tie(command, owner, found)
    return command.store.collection(f"{found.path}/{OWNERS[type(wanted).__name__]}").entries[
        owner.id
    ]


def _tie(command: Command, owner: Entry, found: Entry) -> Entry:
    kind = OWNERS[type(owner.value).__name__]
    path = f"{owner.path}/affinitylabels"
    if command.store.find(path, found.id) is not None:
        raise conflict("Cannot assign Affinity Label. It is assigned already.")
    member = type(owner.value)(id=owner.id, name=name_of(owner))
    command.store.add(f"{found.path}/{kind}", member, f"/affinitylabels/{{id}}/{kind}")
    shown = types.AffinityLabel(id=found.id, name=name_of(found))
    return command.store.add(path, shown, f"/{kind}/{{id}}/affinitylabels")


def unlabel(command: Command) -> None:
    """Off, whichever side it is done from."""
    owner, entry = command.owner(), command.entry
    if isinstance(owner.value, types.AffinityLabel):
        kind = OWNERS[type(entry.value).__name__]
        other = command.store.find(f"/{kind}/{entry.id}/affinitylabels", owner.id)
    else:
        kind = OWNERS[type(owner.value).__name__]
        other = command.store.find(f"/affinitylabels/{entry.id}/{kind}", owner.id)
    command.store.remove(entry)
    if other is not None:
        command.store.remove(other)


def remove_label(command: Command) -> None:
    """Not while somebody has it."""
    entry = command.entry
    if any(command.below(entry, kind) for kind in OWNERS.values()):
        raise conflict("Cannot remove Affinity Label. It is assigned to entities.")
    command.store.remove(entry)


def add_label(command: Command, wanted: types.AffinityLabel) -> None:
    """A name for things that belong together."""
    wanted.read_only = False
    if wanted.has_implicit_affinity_group is None:
        wanted.has_implicit_affinity_group = False


# Affinity groups.


def add_group(command: Command, group: types.AffinityGroup) -> None:
    """In a cluster; VMs together unless told otherwise."""
    if group.name is None:
        raise incomplete("AffinityGroup", "name", "add")
    cluster = command.owner()
    for other in command.below(cluster, "affinitygroups"):
        if name_of(other) == group.name:
            raise conflict("Cannot add Affinity Group. The name is already in use.")
    group.cluster = link_to(cluster)
    if group.positive is None:
        rule = group.vms_rule
        group.positive = True if rule is None else rule.positive
    if group.enforcing is None:
        group.enforcing = False
    if group.broken is None:
        group.broken = False
    if group.priority is None:
        group.priority = 1.0
    if group.vms_rule is None:
        group.vms_rule = types.AffinityRule(
            enabled=True, enforcing=group.enforcing, positive=group.positive
        )


def add_member(command: Command, vm: types.Vm | types.Host) -> None:
    """Of the group's cluster."""
    entry = command.find(vm)
    if entry is None:
        raise incomplete(type(vm).__name__, "id|name", "add")
    cluster = command.owner(2) if command.place.is_item else _cluster_of(command)
    if identity_of(get(entry, "cluster")) != cluster.id:
        raise conflict("Cannot add to Affinity Group. It is in another cluster.")


def _cluster_of(command: Command) -> Entry:
    return command.world.places.entry("/clusters/{id}", "/".join(command.place.path.split("/")[:3]))


# Tags.


def add_tag(command: Command, tag: types.Tag) -> None:
    """Below another one, the root at least."""
    if tag.parent is not None and settled(tag.parent).keys() & {"id", "name"}:
        found = find_named(command.store, "/tags", tag.parent, "Tag")
        tag.parent = reference(types.Tag, "/tags", found.id)
    else:
        tag.parent = reference(types.Tag, "/tags", NOBODY)
    if tag.description is None:
        tag.description = ""


def remove_tag(command: Command) -> None:
    """With the tags below it, off everything that has it."""
    tag = command.entry
    if tag.id == NOBODY:
        raise conflict("Cannot remove Tag. The root tag cannot be removed.")
    gone = [tag]
    for each in list(command.store.collection("/tags")):
        parent = identity_of(get(each, "parent"))
        if parent in {one.id for one in gone}:
            gone.append(each)
    for each in gone:
        for path in command.store.paths("/", "/tags"):
            found = command.store.find(path, each.id)
            if found is not None and path != "/tags":
                command.store.remove(found)
        command.store.remove(each)


def rename(command: Command, changes: types.Tag | types.AffinityLabel) -> None:
    """Everything that has it shows the new name."""
    if changes.name is None:
        return
    inside = command.entry.collection.path
    for path in command.store.paths("/", inside):
        found = command.store.find(path, command.entry.id)
        if found is not None and path != inside:
            command.store.replace(found, name=changes.name)


ADDING = {
    "AffinityGroupVmsService": add_member,
    "AffinityGroupHostsService": add_member,
    "AffinityGroupsService": add_group,
    "AffinityLabelHostsService": label_member,
    "AffinityLabelVmsService": label_member,
    "AffinityLabelsService": add_label,
    "AssignedAffinityLabelsService": label,
    "TagsService": add_tag,
}
UPDATING = {"AffinityLabelService": rename, "TagService": rename}
REMOVING = {
    "AffinityLabelHostService": unlabel,
    "AffinityLabelService": remove_label,
    "AffinityLabelVmService": unlabel,
    "AssignedAffinityLabelService": unlabel,
    "TagService": remove_tag,
}
