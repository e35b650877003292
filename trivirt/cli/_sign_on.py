"""How a command gets to an engine: options, environment, and the question for a password."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import click

from trivirt.cli._failure import Failure

__all__ = ["Target", "engine_options", "named_engine", "with_secret"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Target:
    """An engine and who signs on to it."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    insecure: bool = False


_OPTIONS = (
    click.option(
        "--url",
        metavar="URL",
        envvar="OVIRT_URL",
        show_envvar=True,
        help="The API of an engine: https://HOST/ovirt-engine/api.",
    ),
    click.option(
        "--username",
        metavar="NAME",
        envvar="OVIRT_USERNAME",
        show_envvar=True,
        help="Such as admin@internal. The password is taken from OVIRT_PASSWORD, or asked for. "
        "OVIRT_TOKEN takes the place of both.",
    ),
    click.option(
        "--ca-file",
        envvar="OVIRT_CAFILE",
        show_envvar=True,
        metavar="FILE",
        help="Certificate of the CA that signed the engine's own.",
    ),
    click.option("--insecure", is_flag=True, help="Trust any certificate. For tests only."),
)


def engine_options(command: F) -> F:
    """Add the options that name an engine; secrets are not among them, as others see a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def named_engine(
    url: str | None, username: str | None, ca_file: str | None, insecure: bool
) -> Target:
    """Make a target of the options, with a token if the environment has one and no user is named.

    Raises a usage error when they do not say enough.
    """
    if not url:
        raise click.UsageError("Name an engine with --url, or try --demo.")
    token = None if username else os.environ.get("OVIRT_TOKEN") or None
    if not username and token is None:
        raise click.UsageError("--url needs --username, such as admin@internal.")
    return Target(url, username, token=token, ca_file=ca_file, insecure=insecure)


def with_secret(target: Target) -> Target:
    """Add the password, from the environment or the keyboard, if one is needed."""
    if target.token is not None:
        return target
    password = os.environ.get("OVIRT_PASSWORD")
    if not password and not sys.stdin.isatty():
        raise Failure(
            f"no password for {target.username}: OVIRT_PASSWORD is not set and there is no "
            "terminal to ask on; set OVIRT_PASSWORD"
        )
    if not password:
        password = click.prompt(f"Password of {target.username}", hide_input=True, err=True)
    return replace(target, password=password)
