"""Options that several commands share, and the kinds of values they take."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

__all__ = ["Settings", "debug_option", "seconds"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What holds for any command, wherever on the line it was said."""

    debug: bool = False


def seconds(text: str | float) -> float:
    """Take a finite number, 0 or more. (click's FloatRange lets `nan` pass.)"""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise click.BadParameter(f"{text!r} is not a number of seconds, 0 or more.")
    return value


def _note_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).debug = True


def debug_option(command: F) -> F:
    """Add `--debug`, which may stand before or after the name of the command."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_note_debug,
        help="Show the traceback of a failure.",
    )(command)
