"""Objects as an engine writes them in XML, with its layout, links and actions.

The codec writes what clients send. An engine's documents have more: a declaration, indentation,
`<actions>` and `<link>` elements, and an order of their own. Per class, the base first: plain
values and structures as declared, then references to other entities.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trivirt.model import Field, Struct, fields, settled
from trivirt.simulator._pages import DECLARATION

API = "/ovirt-engine/api"
STEP = "    "

# These come before the links, whatever class declares them.
FIRST = ("name", "description", "comment", "creation_status")


@dataclass(frozen=True)
class Shape:
    """What a path adds to an entity found there: segments of sub-collections and of actions."""

    links: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    has_actions: bool = False  # an entity without any can still have an empty `<actions/>`


NOTHING = Shape()


def document(body: str) -> bytes:
    """A whole answer around a rendered root element."""
    return DECLARATION + body.encode()


def collection(plural: str, items: Iterable[str]) -> str:
    """A list around its rendered items; no attributes, and `<vms/>` when there are none."""
    inner = "".join(items)
    return f"<{plural}>\n{inner}</{plural}>\n" if inner else f"<{plural}/>\n"


def collection_document(plural: str, items: Iterable[str]) -> bytes:
    """The same as a whole answer; a long one is never in memory more often than it must."""
    out = io.BytesIO()
    out.write(DECLARATION)
    out.write(f"<{plural}>\n".encode())
    begun = out.tell()
    for item in items:
        out.write(item.encode())
    if out.tell() == begun:
        return document(collection(plural, ()))
    out.write(f"</{plural}>\n".encode())
    return out.getvalue()


def entity(obj: Struct, shape: Shape = NOTHING, indent: str = "", tag: str = "") -> str:
    """One object with its links and actions, whose addresses begin with its own `href`."""
    out: list[str] = []
    _struct(out, tag or type(obj).element, obj, indent, shape)
    return "".join(out)


def _struct(out: list[str], tag: str, obj: Struct, indent: str, shape: Shape) -> None:
    values = settled(obj)
    plan = plan_of(type(obj))
    opening = f"{indent}<{tag}"
    for name in ("href", "id"):
        if name in values and name in plan.attributes:
            opening += f' {name}="{_quoted(str(values[name]))}"'
    out.append(opening)
    mark = len(out)
    out.append(">\n")
    deeper = indent + STEP
    _actions(out, values.get("href"), shape, deeper)
    for name, write in plan.first:
        if name in values:
            write(out, values[name], deeper)
    _links(out, values, plan, shape, deeper)
    for name, write in plan.rest:
        if name in values:
            write(out, values[name], deeper)
    if len(out) == mark + 1:
        out[mark] = "/>\n"
    else:
        out.append(f"{indent}</{tag}>\n")


def with_creation(text: str, href: str) -> str:
    """An entity that is still being made, with where its creation can be asked for."""
    actions = f"{STEP}</actions>\n"
    after = text.find(actions) + len(actions) if actions in text else text.index("\n") + 1
    lines = f"{STEP}<creation_status>pending</creation_status>\n"
    lines += f'{STEP}<link href="{href}" rel="creation_status"/>\n'
    return text[:after] + lines + text[after:]


def _actions(out: list[str], href: str | None, shape: Shape, indent: str) -> None:
    if not shape.has_actions:
        return
    if not shape.actions:
        out.append(f"{indent}<actions/>\n")
        return
    out.append(f"{indent}<actions>\n")
    for action in shape.actions:
        out.append(f'{indent}{STEP}<link href="{href}/{action}" rel="{action}"/>\n')
    out.append(f"{indent}</actions>\n")


def _links(
    out: list[str], values: Mapping[str, Any], plan: Plan, shape: Shape, indent: str
) -> None:
    href = values.get("href")
    for segment in shape.links:
        out.append(f'{indent}<link href="{href}/{segment}" rel="{segment}"/>\n')
    for name, rel in plan.lists:
        items = values.get(name)
        if items is not None and items.href is not None and rel not in shape.links:
            out.append(f'{indent}<link href="{_quoted(items.href)}" rel="{rel}"/>\n')


# The writers of single attributes: called with the output, the value and the indentation.

Writer = Callable[[list[str], Any, str], None]


@dataclass(frozen=True)
class Plan:
    """How objects of one class are written. `lists` are those that may come as links."""

    attributes: frozenset[str]
    first: tuple[tuple[str, Writer], ...]
    rest: tuple[tuple[str, Writer], ...]
    lists: tuple[tuple[str, str], ...]
    known: Mapping[str, Field]


_plans: dict[type[Struct], Plan] = {}


def plan_of(cls: type[Struct]) -> Plan:
    """Made on first use and kept."""
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _make_plan(cls)
    return plan


def _make_plan(cls: type[Struct]) -> Plan:
    known = fields(cls)
    elements = {
        name: _writer(each)
        for name, each in known.items()
        if not each.is_xml_attribute and name != "href"
    }
    ordered: list[str] = []
    for base in reversed(cls.__mro__):
        own = [name for name in inspect.get_annotations(base) if name in elements]
        new = [name for name in own if name not in ordered]
        ordered += sorted(new, key=lambda name: _is_reference(known[name]))
    return Plan(
        frozenset({"href"} | {name for name, each in known.items() if each.is_xml_attribute}),
        tuple((name, elements[name]) for name in FIRST if name in elements),
        tuple((name, elements[name]) for name in ordered if name not in FIRST),
        tuple((name, name.replace("_", "")) for name, each in known.items() if each.link),
        known,
    )


def _is_reference(each: Field) -> bool:
    return each.is_struct and "id" in fields(each.cls)


def _writer(each: Field) -> Writer:
    if each.is_list:
        return _list_writer(each)
    tag = each.wire
    if not each.is_simple and each.is_struct:
        return lambda out, value, indent: _struct(out, tag, value, indent, NOTHING)
    text = _text_of(each)

    def write(out: list[str], value: Any, indent: str) -> None:
        out.append(f"{indent}<{tag}>{text(value)}</{tag}>\n")

    return write


def _list_writer(each: Field) -> Writer:
    tag = each.wire
    structs = not each.is_simple and each.is_struct
    text = str if structs else _text_of(each)

    def write(out: list[str], items: Any, indent: str) -> None:
        if not items:
            # A list that is only a link was written among the links.
            if items.href is None:
                out.append(f"{indent}<{tag}/>\n")
            return
        out.append(f"{indent}<{tag}>\n")
        deeper = indent + STEP
        for item in items:
            if structs:
                _struct(out, type(item).element, item, deeper, NOTHING)
            else:
                out.append(f"{deeper}<{each.item}>{text(item)}</{each.item}>\n")
        out.append(f"{indent}</{tag}>\n")

    return write


def _text_of(each: Field) -> Callable[[Any], str]:
    return _TEXTS.get(each.type_name, _enum)


def _enum(value: Any) -> str:
    return _escaped(str(value.value))


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _decimal(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) < 1e18 else repr(value)


def _date(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds")


def _escaped(text: str) -> str:
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text.replace("\r", "&#13;")
    return text


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', "&quot;")


_TEXTS: dict[str, Callable[[Any], str]] = {
    "str": _escaped,
    "int": str,
    "float": _decimal,
    "bool": _boolean,
    "datetime": _date,
}
