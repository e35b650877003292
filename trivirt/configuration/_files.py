"""The files that describe engines: where they lie, and what they say. Chooses nothing.

`engines.toml` is ours, so a mistake in it is an error. `ovirt.conf` and `ovirt-img.conf` belong to
other tools (programs made of the SDK's examples, and `ovirt-img` of ovirt-imageio): a section for
each engine, with `engine_url`, `username`, `password`, `cafile` and `secure`; what else they say is
not for us, and one that cannot be read is passed over with a warning. Messages never quote a line
of a file, for it may be the one with the password.
"""

from __future__ import annotations

import configparser
import difflib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trivirt.configuration._sources import Setting, Source
from trivirt.errors import UsageError

log = logging.getLogger("trivirt.configuration")

__all__ = ["Engines", "engine_names", "engines_file", "read_engines"]


class Engines(NamedTuple):
    """What all files together say: engines by name, and which one counts when none is named."""

    sources: Mapping[str, Source]
    default: str | None


def engine_names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The engines that files describe, by name, in their order. Raises UsageError."""
    return list(read_engines(environ).sources)


def read_engines(environ: Mapping[str, str]) -> Engines:
    """Read all files that are there; the first to use a name has it. Raises UsageError."""
    path = engines_file(environ)
    text = _read(path)
    sources, default = ([], None) if text is None else _parse_toml(text, path)
    # Where one file describes one engine, nobody needs to say which; later files add names only.
    if default is None and len(sources) == 1:
        default = sources[0].name
    for other in _conf_files(environ):
        more = _read_conf(other)
        if default is None and not sources and len(more) == 1:
            default = more[0].name
        sources += more
    named: dict[str, Source] = {}
    for source in sources:
        assert source.name is not None
        named.setdefault(source.name, source)
    if default is not None and default not in list(named):
        there = ", ".join(named) or "no engine at all"
        raise UsageError(f"{path}: default = {default!r} is none of the engines ({there})")
    return Engines(named, default)


def engines_file(environ: Mapping[str, str]) -> Path:
    """Where `engines.toml` is, or would be made.

    Under Windows that is in APPDATA. Elsewhere it is in XDG_CONFIG_HOME or ~/.config, under macOS,
    too, as of most command lines there; one in Application Support is found as well.
    """
    if sys.platform == "win32" and environ.get("APPDATA"):
        return Path(environ["APPDATA"], "trivirt", "engines.toml")
    home = _home(environ)
    # A relative XDG_CONFIG_HOME is invalid and to be ignored (XDG Base Directory Specification).
    xdg = Path(environ.get("XDG_CONFIG_HOME") or "")
    path = (xdg if xdg.is_absolute() else home / ".config") / "trivirt" / "engines.toml"
    support = home / "Library" / "Application Support" / "trivirt" / "engines.toml"
    if sys.platform == "darwin" and support.exists() and not path.exists():
        return support
    return path


def _conf_files(environ: Mapping[str, str]) -> Iterator[Path]:
    for name in ("ovirt.conf", "ovirt-img.conf"):
        yield _home(environ) / ".config" / name


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise UsageError(f"{path} cannot be read: it is not UTF-8") from None
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror or exc}") from exc


# engines.toml

_TEXT, _FLAG, _NUMBER = (str,), (bool,), (int,)
_KINDS: dict[str, tuple[type, ...]] = {
    "url": _TEXT,
    "username": _TEXT,
    "password": _TEXT,
    "password_file": _TEXT,
    "token": _TEXT,
    "kerberos": _FLAG,
    "ca_file": _TEXT,
    "client_cert": (str, list),
    "insecure": _FLAG,
    "proxy": (str, bool),
    "connections": _NUMBER,
    "pipeline": _NUMBER,
    "sso_url": _TEXT,
    "sso_revoke_url": _TEXT,
    "sso_token_name": _TEXT,
}
_NAMES = {str: "a text", bool: "true or false", int: "a whole number", list: "a list of two files"}
_PATHS = ("password_file", "ca_file")


def _parse_toml(text: str, path: Path) -> tuple[list[Source], str | None]:
    # Part of Python from 3.11 on, and before that a package with another name.
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        document: dict[str, Any] = toml.loads(text)
    except ValueError as exc:
        raise UsageError(f"{path} is not TOML: {exc}") from None
    _check_names(document, ["default", "engines"], str(path))
    engines = document.get("engines", {})
    if not isinstance(engines, dict):
        raise UsageError(f"{path}: engines has to be tables such as [engines.lab]")
    sources = [_from_table(name, table, path) for name, table in engines.items()]
    return sources, document.get("default")


def _from_table(name: str, table: object, path: Path) -> Source:
    title = f"[engines.{name}] of {path}"
    if not isinstance(table, dict):
        raise UsageError(f"{title} has to be a table")
    _check_names(table, list(_KINDS), title)
    if "url" not in table:
        raise UsageError(f"{title} has no url")
    values = {}
    for option, value in table.items():
        _check_kind(option, value, title)
        values[option] = Setting(_placed(option, value, path), f"{option} in {title}", path)
    return Source(title, values, name)


def _check_names(table: Mapping[str, Any], known: list[str], where: str) -> None:
    for option in table:
        if option not in known:
            near = difflib.get_close_matches(option, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"{where} has no setting {option!r}; {hint}")


def _check_kind(option: str, value: object, title: str) -> None:
    kinds = _KINDS[option]
    good = type(value) in kinds and value != "" and not (option == "proxy" and value is True)
    if isinstance(value, list):
        good = good and len(value) == 2 and all(isinstance(one, str) for one in value)
    if not good:
        expected = "a text or false" if option == "proxy" else " or ".join(_NAMES[k] for k in kinds)
        raise UsageError(f"{option} in {title} has to be {expected}")


def _placed(option: str, value: Any, path: Path) -> Any:
    """Files lie beside the file that names them, unless it says otherwise."""
    if option == "client_cert":
        files = [str(path.parent / Path(one).expanduser()) for one in _listed(value)]
        return tuple(files) if len(files) > 1 else files[0]
    return str(path.parent / Path(value).expanduser()) if option in _PATHS else value


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


# ovirt.conf

_CONF = {
    "url": ("engine_url", "url"),
    "username": ("username",),
    "password": ("password",),
    "ca_file": ("cafile", "ca_file"),
}


def _read_conf(path: Path) -> list[Source]:
    # As ovirt-img reads it (found by running 2.5.1): a % is a %, a ; or # in a line is no comment.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_read(path) or "")
    except UsageError as exc:
        log.warning("%s", exc)
        return []
    except configparser.Error as exc:
        log.warning("%s cannot be read: something is wrong%s", path, _line(exc))
        return []
    found = [_from_section(name, parser[name], path) for name in parser.sections()]
    return [source for source in found if "url" in source.values]


def _line(error: configparser.Error) -> str:
    number = getattr(error, "lineno", None)
    if number is None and getattr(error, "errors", None):
        number = error.errors[0][0]  # type: ignore[attr-defined]  # Of ParsingError.
    return "" if number is None else f" in line {number}"


def _from_section(name: str, section: Mapping[str, str], path: Path) -> Source:
    title = f"[{name}] of {path}"
    values: dict[str, Setting] = {}
    for option, spellings in _CONF.items():
        for key in spellings:
            if section.get(key):
                text = section[key]
                value = _api(text) if option == "url" else text
                values.setdefault(option, Setting(value, f"{key} in {title}", path))
    if section.get("secure", "").lower() in ("no", "false", "off", "0"):
        values["insecure"] = Setting(True, f"secure in {title}")
    return Source(title, values, name)


def _api(url: str) -> str:
    """The URL of the API; these tools are given that of the engine, and some take both.

    What is no URL at all is told by whoever opens it, and without the passwords it may hold.
    """
    bare = url.rstrip("/")
    return url if "/" in bare.partition("://")[2] else f"{bare}/ovirt-engine/api"
