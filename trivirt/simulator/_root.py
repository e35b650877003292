"""The root of the API: what there is, and how much of it."""

from __future__ import annotations

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._front import API
from trivirt.simulator._render import STEP, document, entity
from trivirt.simulator._routes import ROOT, SERVICES
from trivirt.simulator._seed_layout import NOBODY
from trivirt.simulator._store import Store, reference

SEARCHABLE = (
    "clusters",
    "datacenters",
    "disks",
    "events",
    "groups",
    "hosts",
    "instancetypes",
    "jobs",
    "networks",
    "storagedomains",
    "templates",
    "users",
    "vmpools",
    "vms",
)


def links() -> list[tuple[str, str]]:
    """Relation and address of everything below the root, searches included."""
    found = []
    for name in SERVICES[ROOT].segments:
        found.append((name, f"{API}/{name}"))
        if name in SEARCHABLE:
            since = ";from={event_id}" if name == "events" else ""
            found.append((f"{name}/search", f"{API}/{name}{since}?search={{query}}"))
    return found


def link_header(host: str) -> tuple[str, str]:
    """The same as one header, with whole URLs."""
    each = (f"<https://{host}{href}>; rel={rel}" for rel, href in links())
    return "link", ",".join(each)


def root(store: Store, user: types.User | None, whole: bool = True) -> bytes:
    """The document at the root; only administrators get the `whole`, with its summary."""
    known = reference(types.User, "/users", user.id or "") if user is not None else None
    api = types.Api(
        product_info=types.ProductInfo(
            instance_id="6d0c1b62-4a4c-4c5f-9d0e-3f0f3c7a2f11",
            name="oVirt Engine",
            vendor="ovirt.org",
            version=types.Version(
                build=6, full_version="4.5.6-1.el9", major=4, minor=5, revision=0
            ),
        ),
        special_objects=types.SpecialObjects(
            blank_template=reference(types.Template, "/templates", NOBODY),
            root_tag=reference(types.Tag, "/tags", NOBODY),
        ),
        summary=types.ApiSummary(
            hosts=_count(store, "/hosts", "up"),
            storage_domains=_count(store, "/storagedomains", None),
            users=_count(store, "/users", None),
            vms=_count(store, "/vms", "up"),
        ),
        time=store.clock.date(store.now),
        authenticated_user=known,
        effective_user=known,
    )
    if not whole:
        api.summary = None
    body = entity(api)
    opening, rest = body[: len("<api>\n")], body[len("<api>\n") :]
    lines = [f'{STEP}<link href="{href}" rel="{rel}"/>\n' for rel, href in links()]
    return document(opening + "".join(lines) + rest)


def _count(store: Store, path: str, active: str | None) -> types.ApiSummaryItem:
    entries = store.collection(path)
    running = [e for e in entries if active is None or settled(e.value).get("status") == active]
    return types.ApiSummaryItem(active=len(running), total=len(entries))
