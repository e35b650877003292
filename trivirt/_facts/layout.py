"""Python source laid out as `ruff format` would leave it, so that formatting changes nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

WIDTH = 100


def bracket(head: str, parts: list[str], tail: str, indent: int, *, middle: bool = True) -> str:
    """Join what is between brackets: on one line, on a line of its own, or one part a line.

    A tuple has no `middle` form.
    """
    pad = " " * indent
    flat = f"{pad}{head}{', '.join(parts)}{tail}"
    if len(flat) <= WIDTH or not parts:
        return flat
    inner = f"{pad}    {', '.join(parts)}"
    # A lone parameter of a function gets a comma, for a reason that only Black knows.
    lone = len(parts) == 1 and head.startswith("def ")
    if len(inner) <= WIDTH and middle and not lone:
        return f"{pad}{head}\n{inner}\n{pad}{tail}"
    lines = "".join(f"{pad}    {part},\n" for part in parts)
    return f"{pad}{head}\n{lines}{pad}{tail}"


def docstring(text: str, indent: int, more: Iterable[str] = ()) -> str:
    """Lay out a docstring: a sentence, then paragraphs, all within the line length."""
    pad = " " * indent
    paragraphs = [text, *more]
    if len(paragraphs) == 1 and len(pad) + len(text) + 6 <= WIDTH:
        return f'{pad}"""{text}"""'
    width = WIDTH - indent
    first = textwrap.wrap('"""' + text, width, break_long_words=False)
    lines = [pad + line for line in first]
    for paragraph in paragraphs[1:]:
        lines.append("")
        lines += [pad + line for line in textwrap.wrap(paragraph, width)]
    return "\n".join([*lines, f'{pad}"""'])


def import_from(module: str, names: Iterable[str], indent: int = 0) -> str:
    """Lay out one import, its names in the order that the linter wants."""
    parts = sorted(set(names), key=lambda name: (_kind(name), _natural(name.lower())))
    pad = " " * indent
    flat = f"{pad}from {module} import {', '.join(parts)}"
    if len(flat) <= WIDTH:
        return flat
    lines = "".join(f"{pad}    {name},\n" for name in parts)
    return f"{pad}from {module} import (\n{lines}{pad})"


def name_list(variable: str, names: Iterable[str]) -> str:
    """Lay out an assignment of a list of names, one a line."""
    lines = "".join(f'    "{name}",\n' for name in sorted(names, key=_all_order))
    return f"{variable} = [\n{lines}]"


def _kind(name: str) -> int:
    if len(name) > 1 and name.isupper():
        return 0
    return 1 if name[0].isupper() else 2


def _all_order(name: str) -> tuple[int, list[tuple[int, str]]]:
    return _kind(name), _natural(name)


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def wrapped(text: str, indent: int) -> str:
    """Break a long line where there are spaces, the rest of it deeper."""
    pad = " " * indent
    lines = textwrap.wrap(text, WIDTH, initial_indent=pad, subsequent_indent=f"{pad}    ")
    return "\n".join(lines)
