"""Which source describes the engine, and what of the others may be added to it."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trivirt._url import parse_url
from trivirt._value import replaced
from trivirt.configuration._files import Engines, engines_file, read_engines
from trivirt.configuration._sources import (
    SIGN_ON,
    Setting,
    Settings,
    Source,
    from_arguments,
    from_environment,
)
from trivirt.errors import UsageError

__all__ = ["NotConfigured", "configured", "find_settings", "missing_secret"]

log = logging.getLogger("trivirt.configuration")

_LONGEST = 4096  # Characters that a password may have, far more than any.


class NotConfigured(UsageError):
    """Nothing says which engine is meant, or nothing has the name that was asked for."""


def configured(given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the arguments of `open_engine` by what is found for them.

    Raises UsageError when that is not enough to open an engine.
    """
    given = {name: value for name, value in given.items() if name != "url"}
    engine = given.pop("engine")
    if given["sso_token_name"] == "access_token":  # What it is called when nobody says anything.
        del given["sso_token_name"]
    found = find_settings(engine, given)
    if not found.signs_on:
        raise UsageError(missing_secret(found))
    if given.get("ca_data") is not None and given.get("ca_file") is None:
        found = Settings({k: v for k, v in found.values.items() if k != "ca_file"}, found.name)
    return {**given, **found.options()}


def find_settings(
    engine: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    spelling: Callable[[str], str] = "{}=".format,
) -> Settings:
    """Find the settings of the engine with this name, or of the one that is meant without.

    `arguments` are some of `open_engine`'s, `url` among them; those that are None or False say
    nothing. `spelling` is how messages name an argument. Reads files, and asks `keyring` for a
    password that is nowhere else, which may wait for a person to unlock it. A file with a secret
    that others may read is used, and logged as a warning.

    Raises NotConfigured when no engine can be named, and UsageError for settings that cannot work.
    It is no error when there is nothing to sign on with: see `Settings.signs_on`.
    """
    given = from_arguments(arguments or {}, spelling)
    if engine is not None and "url" in given.values:
        names = f"{spelling('url')} and {spelling('engine')}"
        raise UsageError(f"{names} both name an engine; give one of them")
    sources = [given, _described(engine, given, environ)]
    values: dict[str, Setting] = {}
    for source in sources:
        for option, setting in source.values.items():
            if option not in SIGN_ON:
                values.setdefault(option, setting)
    values["url"] = _checked_url(values["url"])
    _add_sign_on(values, sources)
    _check_ca_file(values)
    return Settings(values, sources[1].name)


def _described(engine: str | None, given: Source, environ: Mapping[str, str]) -> Source:
    """The one source beside the arguments that counts."""
    around = from_environment(environ)
    if engine is None and "url" in given.values:
        same = "url" not in around.values or _same(given.get("url"), around.get("url"))
        return around if same else Source("nothing", {})
    if engine is None and "url" in around.values:
        return around
    return _named(engine, read_engines(environ), environ)


def _same(one: str, other: str) -> bool:
    """Whether two URLs are of one engine: `/api` and `/api/v4` are."""
    try:
        ours, theirs = parse_url(one), parse_url(other)
    except UsageError:
        return one == other
    return replaced(ours, api="") == replaced(theirs, api="")


def _named(engine: str | None, engines: Engines, environ: Mapping[str, str]) -> Source:
    names = list(engines.sources)
    name = engine if engine is not None else engines.default
    if name is None and not names:
        raise NotConfigured(
            "no engine is named: give its URL, set OVIRT_URL, or describe it in "
            f"{engines_file(environ)}"
        )
    if name is None:
        raise NotConfigured(
            f"there are several engines, {', '.join(names)}: name one of them, or put "
            f"default = {names[0]!r} into {engines_file(environ)}"
        )
    if name not in engines.sources:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
        raise NotConfigured(f"no file describes an engine {name!r}; {hint}")
    return engines.sources[name]


def _checked_url(setting: Setting) -> Setting:
    try:
        return Setting(str(parse_url(setting.value)), setting.origin)
    except UsageError as exc:
        raise UsageError(f"{setting.origin}: {exc}") from None


def _add_sign_on(values: dict[str, Setting], sources: list[Source]) -> None:
    """Add ways to sign on, all of one source: the first that has any for the user in question."""
    user: str | None = None
    for source in sources:
        own = source.get("username")
        ways = {option: source.values[option] for option in SIGN_ON if option in source.values}
        if user is not None:
            if own is None:
                ways.pop("token", None)  # It belongs to somebody, and nobody says to whom.
            elif own != user:
                continue
        if ways:
            if "kerberos" in ways and user is None and own is None:
                values.pop("username", None)  # Of another source, and no name of a principal.
            values.update(_with_password_read(ways))
            return
        user = user or own
    if user is not None and (password := _from_keyring(values["url"].value, user)):
        values["password"] = password


def _with_password_read(ways: dict[str, Setting]) -> dict[str, Setting]:
    """Put the password in the place of the name of its file; warn of what others may read."""
    for option in ("password", "token"):
        if option in ways and (file := ways[option].file) is not None:
            _warn_of_readers(file)
    named = ways.pop("password_file", None)
    if named is not None and "password" not in ways:
        ways["password"] = _read_password(named)
    return ways


def _read_password(named: Setting) -> Setting:
    """The text of a file, without the end of its line."""
    path = Path(named.value)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST).rstrip("\r\n")
    except FileNotFoundError:
        raise _not_there(named) from None
    except UnicodeDecodeError:
        raise UsageError(f"{named.origin} names {path}, which is not UTF-8") from None
    except OSError as exc:
        raise UsageError(f"{named.origin} names {path}: {exc.strerror or exc}") from exc
    if not text or "\n" in text:
        found = "more than one line" if text else "nothing"
        raise UsageError(f"{named.origin} names {path}, where there is {found}; put a password")
    _warn_of_readers(path)
    return Setting(text, named.origin)


def _warn_of_readers(path: Path) -> None:
    # Under Windows the mode says nothing; of a pipe it says nothing of use.
    with suppress(OSError):
        mode = path.stat().st_mode
        if sys.platform != "win32" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
            log.warning("%s has a secret and others may read it; run: chmod 600 %s", path, path)


def _from_keyring(url: str, username: str) -> Setting | None:
    """The password of `keyring set URL USERNAME`; None when there is none, or no keyring."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    try:
        password = keyring.get_password(url, username)
    except Exception as exc:  # Its backends are plugins, and some raise what they like.
        log.debug("keyring gave no password: %s", type(exc).__name__)
        return None
    return Setting(password, "keyring") if password else None


def _check_ca_file(values: Mapping[str, Setting]) -> None:
    named = values.get("ca_file")
    if named is not None and not Path(named.value).exists():
        raise _not_there(named)


def _not_there(named: Setting) -> UsageError:
    return UsageError(f"{named.origin} names a file that is not there: {named.value}")


def missing_secret(found: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Say what is missing to sign on, and where to put it."""
    user = found.get("username")
    where = f"{found.url} (from {found.origin('url')})"
    if user is None:
        return f"no user for {where}: give a username such as admin@internal, or a token"
    if found.name is not None:
        to_do = f"put a password_file beside it, or run: keyring set {found.url} {user}"
        if environ.get("OVIRT_PASSWORD") or environ.get("OVIRT_PASSWORD_FILE"):
            to_do += "; the password in the environment is not for an engine out of a file"
    elif environ.get("OVIRT_PASSWORD"):
        to_do = "the one in OVIRT_PASSWORD is for OVIRT_URL with OVIRT_USERNAME, which differ"
    else:
        to_do = "set OVIRT_PASSWORD or OVIRT_PASSWORD_FILE"
    return f"no password for {user} at {where}: {to_do}"
