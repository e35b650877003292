"""What an inventory looks like outside of Python: dicts, lists and texts, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trivirt.inventory._plan import Plan
from trivirt.inventory._run import Record

if TYPE_CHECKING:
    from trivirt.types import Api

__all__ = ["document", "engine_facts", "plain_record", "totals"]


def plain_record(record: Record) -> dict[str, Any]:
    """All attributes of the object and its parts, in one dict.

    A part that the engine does not have is null and named in `not_available`, so that it cannot be
    mistaken for an empty one.
    """
    plain: dict[str, Any] = record.item.to_dict()
    missing = []
    for name, values in record.parts.items():
        plain[name] = None if values is None else [value.to_dict() for value in values]
        if values is None:
            missing.append(name)
    if missing:
        plain["not_available"] = sorted(missing)
    return plain


def engine_facts(url: str, api: Api | None) -> dict[str, Any]:
    """Which engine it was: its URL, product and version; the last two null when it did not say."""
    info = api.product_info if api is not None else None
    version = info.version if info is not None else None
    return {
        "url": url,
        "product": info.name if info is not None else None,
        "version": version.full_version if version is not None else None,
    }


def totals(plan: Plan, records: Iterable[Record]) -> dict[str, dict[str, int]]:
    """For the collection and each part: how many were found, for how many objects there was 404."""
    rows = {name: {"found": 0, "not_available": 0} for name in (plan.collection, *plan.parts)}
    for record in records:
        rows[plan.collection]["found"] += 1
        for name, values in record.parts.items():
            rows[name]["found"] += len(values or ())
            rows[name]["not_available"] += values is None
    return rows


def document(engine: Mapping[str, Any], plan: Plan, records: Iterable[Record]) -> dict[str, Any]:
    """The whole inventory in the order of the engine's list, as one document."""
    ordered = sorted(records, key=lambda record: record.index)
    return {
        "engine": dict(engine),
        "totals": totals(plan, ordered),
        plan.collection: [plain_record(record) for record in ordered],
    }
