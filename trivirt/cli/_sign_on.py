"""How a command gets to an engine: options, environment, and the question for a password."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import click

from trivirt.cli._failure import Failure
from trivirt.configuration import (
    NotConfigured,
    Settings,
    engine_names,
    find_settings,
    missing_secret,
)
from trivirt.errors import UsageError

__all__ = [
    "Target",
    "engine_options",
    "engines_options",
    "named_engine",
    "named_engines",
    "with_secret",
    "with_secrets",
]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Target:
    """An engine and who signs on to it.

    `other` has more arguments of `open_engine`, `lacks` says why nobody can sign on yet, and
    `origins` where each setting was found.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    insecure: bool = False
    other: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lacks: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, option: str) -> str:
        """Where a setting was found; empty when it was found nowhere."""
        return self.origins.get(option, "")

    def options(self) -> dict[str, Any]:
        """All arguments for `open_engine`, `url` included."""
        own = ("url", "username", "password", "token", "ca_file", "insecure")
        return {**self.other, **{name: getattr(self, name) for name in own}}


def _complete_engine(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    try:
        return [name for name in engine_names() if name.startswith(incomplete)]
    except UsageError:  # A broken file is told of when the command runs.
        return []


_OPTIONS = (
    click.option(
        "--url",
        metavar="URL",
        help="The API of an engine: https://HOST/ovirt-engine/api.  [env var: OVIRT_URL]",
    ),
    click.option(
        "--engine",
        metavar="NAME",
        shell_complete=_complete_engine,
        help="An engine that engines.toml or ovirt.conf describes.",
    ),
    click.option(
        "--username",
        metavar="NAME",
        help="Such as admin@internal. The password is taken from OVIRT_PASSWORD, "
        "OVIRT_PASSWORD_FILE or keyring, or asked for. OVIRT_TOKEN takes the place of both.  "
        "[env var: OVIRT_USERNAME]",
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        help="Certificate of the CA that signed the engine's own.  [env var: OVIRT_CAFILE]",
    ),
    click.option("--insecure", is_flag=True, help="Trust any certificate. For tests only."),
)

_SEVERAL = tuple(
    click.option(
        "--engine",
        metavar="NAME",
        multiple=True,
        help="An engine that engines.toml or ovirt.conf describes; several are read side by side.",
    )
    if option is _OPTIONS[1]
    else option
    for option in _OPTIONS
)


def engine_options(command: F) -> F:
    """Add the options that name an engine; secrets are not among them, as others see a command."""
    return _add(command, _OPTIONS)


def engines_options(command: F) -> F:
    """Add the same options for one engine or several."""
    return _add(command, _SEVERAL)


def _add(command: F, options: Sequence[Callable[[F], F]]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def named_engine(
    url: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
    engine: str | None = None,
) -> Target:
    """Make a target of the options and of what `trivirt.configuration` finds for them.

    Raises a usage error when they do not say which engine, or not who signs on.
    """
    given = {"url": url, "username": username, "ca_file": ca_file, "insecure": insecure}
    try:
        found = find_settings(engine, given, spelling=_as_option)
    except NotConfigured as exc:
        raise click.UsageError(_sentence(str(exc))) from None
    if not found.signs_on and found.get("username") is None:
        raise click.UsageError(_sentence(missing_secret(found)))
    return _target(found)


def named_engines(
    url: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
    names: Sequence[str],
) -> dict[str | None, Target | UsageError]:
    """Make a target of each engine, or say what is wrong with what describes it.

    That is raised only where there is no other engine that could be read, and for a name that
    describes none: then somebody has mistyped it.
    """
    if len(names) < 2:
        name = names[0] if names else None
        return {name: named_engine(url, username, ca_file, insecure, name)}
    found: dict[str | None, Target | UsageError] = {}
    for name in names:
        try:
            found[name] = named_engine(url, username, ca_file, insecure, name)
        except (UsageError, click.UsageError) as exc:
            if name not in engine_names():
                raise
            found[name] = UsageError(str(exc).rstrip("."))
    return found


def with_secrets(
    targets: Mapping[str | None, Target | UsageError],
) -> dict[str | None, Target | UsageError]:
    """Ask for the passwords that were not found, likewise."""
    found: dict[str | None, Target | UsageError] = {}
    for name, target in targets.items():
        try:
            found[name] = with_secret(target) if isinstance(target, Target) else target
        except Failure as exc:
            if len(targets) < 2:
                raise
            found[name] = UsageError(str(exc))
    return found


def _as_option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith("?") else ".")


def _target(found: Settings) -> Target:
    options = found.options()
    own = {name: options.pop(name) for name in Target.__dataclass_fields__ if name in options}
    return Target(
        **own,
        other=options,
        lacks="" if found.signs_on else missing_secret(found),
        origins={name: found.origin(name) for name in found},
    )


def with_secret(target: Target) -> Target:
    """Ask for the password on the keyboard, if one is needed and was not found."""
    if not target.lacks:
        return target
    if not sys.stdin.isatty():
        raise Failure(f"{target.lacks}; there is no terminal to ask on")
    password = click.prompt(f"Password of {target.username}", hide_input=True, err=True)
    origins = {**target.origins, "password": "the keyboard"}
    return replace(target, password=password, lacks="", origins=origins)
