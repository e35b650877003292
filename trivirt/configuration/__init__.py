"""Which engine, and how to sign on to it, when a program does not say: the one place that looks.

In this order, and the first that names an engine decides:

    1. arguments            of `open_engine` or of a command
    2. the environment      OVIRT_URL, OVIRT_USERNAME, OVIRT_PASSWORD, OVIRT_PASSWORD_FILE,
                            OVIRT_TOKEN, OVIRT_CAFILE
    3. engines.toml         several engines by name, in ~/.config/trivirt
    4. ovirt.conf           and ovirt-img.conf, both in ~/.config, which other tools read

**Nothing of one source goes to the engine of another.** Where the URL comes from, the rest comes
from, too; arguments alone may add to any of them, for they are said with this engine in mind. The
environment adds to a URL among the arguments unless OVIRT_URL says another one. So a password never
gets to an engine, or to a user's name, that it was not meant for. A password that no source has is
looked up with `keyring`, if that is installed.

`_sources` makes values with an origin of the environment, `_files` of files; `_find` chooses.
"""

from __future__ import annotations

from trivirt.configuration._files import engine_names
from trivirt.configuration._find import NotConfigured, configured, find_settings, missing_secret
from trivirt.configuration._sources import Setting, Settings

__all__ = [
    "NotConfigured",
    "Setting",
    "Settings",
    "configured",
    "engine_names",
    "find_settings",
    "missing_secret",
]
