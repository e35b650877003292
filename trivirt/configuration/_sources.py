"""Settings with the place that each was found in, and what the environment and arguments say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "SIGN_ON",
    "Setting",
    "Settings",
    "Source",
    "from_arguments",
    "from_environment",
]

_VARIABLES = {
    "url": "OVIRT_URL",
    "username": "OVIRT_USERNAME",
    "password": "OVIRT_PASSWORD",
    "password_file": "OVIRT_PASSWORD_FILE",
    "token": "OVIRT_TOKEN",
    "ca_file": "OVIRT_CAFILE",
}

#: The ways to sign on: one source gives all of them, whatever others say.
SIGN_ON = ("token", "password", "password_file", "kerberos")

# A proxy's URL may have a password, and so may the key of a client certificate.
_SECRET = frozenset({"password", "token", "proxy", "client_cert"})


@dataclass(frozen=True)
class Setting:
    """A value, and where it was found: `OVIRT_CAFILE`, `ca_file in [engines.lab] of FILE`.

    `file` is the file it was read from, where that holds a secret that is to be kept.
    """

    value: Any = field(repr=False)
    origin: str
    file: Path | None = None


class Source(NamedTuple):
    """What one place says of one engine; `title` names the place, and `name` the engine there."""

    title: str
    values: Mapping[str, Setting]
    name: str | None = None

    def __repr__(self) -> str:
        return f"<Source {self.title}: {', '.join(self.values) or 'nothing'}>"

    def get(self, option: str) -> Any:
        setting = self.values.get(option)
        return None if setting is None else setting.value


@dataclass(frozen=True, repr=False)
class Settings:
    """An engine as it was found: its settings, named like the arguments of `open_engine`.

    `name` is its name in a file; None when arguments or the environment describe it.
    """

    values: Mapping[str, Setting]
    name: str | None = None

    def __repr__(self) -> str:
        shown = (
            f"{option}={'***' if option in _SECRET else repr(setting.value)}"
            for option, setting in self.values.items()
        )
        return f"<Settings {', '.join(shown)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def get(self, option: str) -> Any:
        """The value of an option; None when it was found nowhere."""
        setting = self.values.get(option)
        return None if setting is None else setting.value

    def origin(self, option: str) -> str:
        """Where the value of an option was found; empty when it was found nowhere."""
        setting = self.values.get(option)
        return "" if setting is None else setting.origin

    @property
    def url(self) -> str:
        """The URL of the API, checked."""
        url: str = self.values["url"].value
        return url

    @property
    def signs_on(self) -> bool:
        """Whether there is enough to sign on: a token, a ticket, or a user with a password."""
        user = "username" in self.values and "password" in self.values
        return user or "token" in self.values or bool(self.get("kerberos"))

    def options(self) -> dict[str, Any]:
        """The arguments for `open_engine`, `url` and secrets included."""
        return {option: setting.value for option, setting in self.values.items()}


def from_environment(environ: Mapping[str, str]) -> Source:
    """What the environment says; an empty variable says nothing."""
    return Source(
        "the environment",
        {
            option: Setting(environ[variable], variable)
            for option, variable in _VARIABLES.items()
            if environ.get(variable)
        },
    )


def from_arguments(given: Mapping[str, Any], spelling: Callable[[str], str]) -> Source:
    """What a caller says; None, and False for what can be turned on, say nothing."""
    return Source(
        "the arguments",
        {
            option: Setting(value, spelling(option))
            for option, value in given.items()
            # A proxy of False is a choice, all other False are defaults.
            if value is not None and (value is not False or option == "proxy")
        },
    )
