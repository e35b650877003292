"""Users, groups, roles and permissions; jobs that are done outside of the engine."""

from __future__ import annotations

from trivirt import types
from trivirt.model import fields, settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry, identity_of


def add_user(command: Command, user: types.User) -> Entry:
    """Somebody whom a directory knows."""
    if user.user_name is None and user.id is None:
        raise incomplete("User", "userName", "add")
    domain = _domain(command, user.domain)
    if domain is None:
        raise incomplete("User", "domain.id|name", "add")
    name = user.user_name or name_of_directory_entry(command, domain, user.id) or ""
    for other in command.store.collection("/users"):
        if get(other, "user_name") == name:
            return other
    user.name = user.name or name.rpartition("@")[0] or name
    user.user_name = user.principal = name
    user.namespace = user.namespace or "*"
    user.password = None
    user.domain = link_to(domain)
    for attribute in ("last_name", "email", "department"):
        if settled(user).get(attribute) is None:
            setattr(user, attribute, "")
    user.domain_entry_id = user.domain_entry_id or command.store.new_id().replace("-", "")
    return command.put(user)


def name_of_directory_entry(command: Command, domain: Entry, identity: str | None) -> str | None:
    """The sign-on name behind an id of the directory."""
    found = command.store.find(f"{domain.path}/users", identity or "")
    return None if found is None else get(found, "user_name")


def add_group(command: Command, group: types.Group) -> Entry:
    """A group that a directory knows."""
    if group.name is None and group.id is None:
        raise incomplete("Group", "id|name", "add")
    domain = _domain(command, group.domain)
    known = [] if domain is None else command.below(domain, "groups")
    match = [
        e for e in known if e.id == group.id or (group.id is None and name_of(e) == group.name)
    ]
    if domain is not None and not match:
        raise unknown_related("Group", f"name={group.name}")
    if match:
        group.name = name_of(match[0])
        group.domain_entry_id = get(match[0], "domain_entry_id")
    if command.store.named("/groups", group.name or "") is not None:
        raise conflict("Cannot add Group. The Group is already in use.")
    group.namespace = group.namespace or "*"
    if domain is not None:
        group.domain = link_to(domain)
    return command.put(group)


def _domain(command: Command, wanted: types.Domain | None) -> Entry | None:
    values = settled(wanted) if wanted is not None else {}
    for domain in command.store.collection("/domains"):
        if domain.id == values.get("id") or name_of(domain) == values.get("name"):
            return domain
    if values:
        raise unknown_related("Domain", f"name={values.get('name')}")
    return None


def remove_user(command: Command) -> None:
    """With what was permitted to them; nobody removes themselves."""
    user = command.entry
    mine = command.store.user(command.asked.user)
    if mine is not None and mine.id == user.id:
        raise conflict("Cannot remove User. You cannot remove yourself.")
    if any(
        each.collection.path == "/permissions" and _is_super(command, each)
        for each in permissions_of(command, user)
    ):
        raise conflict("Cannot remove User. The user is an administrator of the system.")
    for permission in permissions_of(command, user):
        command.store.remove(permission)
    command.store.remove(user)


def remove_permission(command: Command) -> None:
    """Somebody must be left who may do everything."""
    permission = command.entry
    if permission.collection.path == "/permissions" and _is_super(command, permission):
        others = [each for each in permission.collection if each is not permission]
        if not any(_is_super(command, each) for each in others):
            raise conflict("Cannot remove Permission. It is the last one of a Super User.")
    command.store.remove(permission)


def _is_super(command: Command, permission: Entry) -> bool:
    role = command.find(get(permission, "role"))
    return role is not None and name_of(role) == "SuperUser"


def permissions_of(command: Command, who: Entry) -> list[Entry]:
    """The permissions of a user or group, on whatever they are."""
    attribute = "user" if isinstance(who.value, types.User) else "group"
    paths = ["/permissions", *command.store.paths("/", "/permissions")]
    return [
        each
        for path in dict.fromkeys(paths)
        if path.endswith("/permissions")
        for each in command.store.collection(path)
        if identity_of(get(each, attribute)) == who.id
    ]


def add_permission(command: Command, permission: types.Permission) -> Entry:
    """A role for somebody, on what owns the collection or is named in the body."""
    if permission.role is None:
        raise incomplete("Permission", "role.id|name", "add")
    if "/" in command.place.path.strip("/"):
        owner = command.owner()
        if isinstance(owner.value, (types.User, types.Group)):
            setattr(permission, type(owner.value).element, link_to(owner))
            owner = _object_of(command, permission) or owner
        elif (element := type(owner.value).element) in fields(types.Permission):
            setattr(permission, element, link_to(owner))
        home, template = f"{owner.path}/permissions", f"{owner.collection.path}/{{id}}/permissions"
    else:
        home = template = "/permissions"
        found = _object_of(command, permission)
        if found is not None:
            home = f"{found.path}/permissions"
            template = f"{found.collection.path}/{{id}}/permissions"
    if permission.user is None and permission.group is None:
        raise incomplete("Permission", "user|group.id", "add")
    for other in command.store.collection(home, template):
        same = [
            identity_of(get(other, name)) == identity_of(settled(permission).get(name))
            for name in ("user", "group", "role")
        ]
        if all(same):
            raise conflict("Cannot add Permission. The permission exists already.")
    permission.id, permission.href = command.store.new_id(), None
    return command.store.add(home, permission, template)


OBJECTS = ("cluster", "data_center", "disk", "host", "storage_domain", "template", "vm", "vm_pool")


def _object_of(command: Command, permission: types.Permission) -> Entry | None:
    for name in OBJECTS:
        found = settled(permission).get(name)
        if found is not None:
            return command.find(found)
    return None


def add_role(command: Command, role: types.Role) -> None:
    """With one permit at least."""
    if role.name is None:
        raise incomplete("Role", "name", "add")
    if role.administrative is None:
        role.administrative = False
    role.mutable = True


def remove_role(command: Command) -> None:
    """The predefined ones stay."""
    if get(command.entry, "mutable") is False:
        raise conflict("Cannot remove Role. The Role is predefined.")
    command.store.remove(command.entry)


def update_role(command: Command, changes: types.Role) -> None:
    """The predefined ones stay as they are."""
    if get(command.entry, "mutable") is False:
        raise conflict("Cannot update Role. The Role is predefined.")


def add_permit(command: Command, permit: types.Permit) -> Entry:
    """One of those that there are."""
    _must_be_mutable(command.owner())
    names = {identity: name for identity, name, _ in PERMITS}
    by_name = {name: identity for identity, name, _ in PERMITS}
    permit.id = permit.id or by_name.get(permit.name or "")
    if permit.id not in names:
        raise unknown_related("Permit", f"id={permit.id}")
    permit.name = names[permit.id]
    administrative = {identity: admin for identity, _, admin in PERMITS}
    permit.administrative, permit.href = administrative[permit.id], None
    return command.store.add(command.home.path, permit, command.home.template)


def remove_permit(command: Command) -> None:
    """From a role of one's own."""
    _must_be_mutable(command.owner())
    command.store.remove(command.entry)


def _must_be_mutable(role: Entry) -> None:
    if get(role, "mutable") is False:
        raise conflict("Cannot change the permits of the Role. The Role is predefined.")


# Number, name, and whether only administrators have it.
PERMITS = (
    ("1", "create_vm", False),
    ("2", "delete_vm", False),
    ("3", "edit_vm_properties", False),
    ("4", "vm_basic_operations", False),
    ("5", "change_vm_cd", False),
    ("6", "migrate_vm", True),
    ("7", "connect_to_vm", False),
    ("8", "import_export_vm", False),
    ("9", "configure_vm_network", False),
    ("10", "configure_vm_storage", False),
    ("11", "move_vm", False),
    ("12", "manipulate_vm_snapshots", False),
    ("13", "reconnect_to_vm", False),
    ("14", "change_vm_custom_properties", True),
    ("15", "edit_admin_vm_properties", True),
    ("16", "create_instance", False),
    ("100", "create_host", True),
    ("101", "edit_host_configuration", True),
    ("102", "delete_host", True),
    ("103", "manipulate_host", True),
    ("104", "configure_host_network", True),
    ("200", "create_template", False),
    ("201", "edit_template_properties", False),
    ("202", "delete_template", False),
    ("203", "copy_template", False),
    ("204", "configure_template_network", False),
    ("300", "create_vm_pool", True),
    ("400", "create_cluster", True),
    ("500", "manipulate_users", True),
    ("502", "manipulate_roles", True),
    ("503", "manipulate_permissions", False),
    ("600", "create_storage_domain", True),
    ("700", "create_storage_pool", True),
    ("1100", "create_disk", False),
    ("1101", "attach_disk", False),
    ("1102", "edit_disk_properties", False),
    ("1104", "delete_disk", False),
    ("1300", "login", False),
    ("1301", "tag_management", True),
    ("1400", "inject_external_events", True),
)


def clear_job(command: Command) -> None:
    """Out of sight."""
    if get(command.entry, "external") is not True:
        raise conflict("Cannot clear Job. It is not external.")
    command.store.remove(command.entry)


def end_job(command: Command) -> None:
    """Over, as the one who made it from outside says."""
    _check_external(command)
    command.world.jobs.end(command.entry, failed=command.action.succeeded is False)


def end_step(command: Command) -> None:
    """The same for a part of it."""
    _check_external(command)
    failed = command.action.succeeded is False
    status = types.StepStatus.FAILED if failed else types.StepStatus.FINISHED
    now = command.store.clock.date(command.store.now)
    command.store.replace(command.entry, status=status, end_time=now)


def _check_external(command: Command) -> None:
    kind = type(command.entry.value).__name__
    if get(command.entry, "external") is not True:
        raise conflict(f"Cannot end {kind}. It is not external.")
    if get(command.entry, "end_time") is not None:
        raise conflict(f"Cannot end {kind}. It has ended.")


def add_job(command: Command, job: types.Job) -> None:
    """One that is done outside of the engine."""
    if job.description is None:
        raise incomplete("Job", "description", "add")
    job.external, job.status = True, types.JobStatus.STARTED
    job.start_time = command.store.clock.date(command.store.now)


def add_step(command: Command, step: types.Step) -> None:
    """One of a job that is done outside of the engine."""
    step.external, step.status = True, types.StepStatus.STARTED
    step.job = link_to(command.owner())


ACTIONS = {
    ("JobService", "clear"): clear_job,
    ("JobService", "end"): end_job,
    ("StepService", "end"): end_step,
}
ADDING = {
    "AssignedPermissionsService": add_permission,
    "GroupsService": add_group,
    "JobsService": add_job,
    "PermitsService": add_permit,
    "RolesService": add_role,
    "StepsService": add_step,
    "SystemPermissionsService": add_permission,
    "UsersService": add_user,
}
UPDATING = {"RoleService": update_role}
REMOVING = {
    "PermissionService": remove_permission,
    "PermitService": remove_permit,
    "GroupService": remove_user,
    "RoleService": remove_role,
    "UserService": remove_user,
}
