"""Programs written for ovirtsdk4, unchanged, over the engine of trivirt.

    import trivirt.compat
    trivirt.compat.install()          # from here on `import ovirtsdk4` finds this
    import ovirtsdk4 as sdk

    python -m trivirt.compat SCRIPT ARGS
    PYTHONPATH=$(python -m trivirt.compat --path) some-program

The modules of ovirtsdk4 are small files in `stand_in/ovirtsdk4`, so that they have their own
names; what they offer is here. Nothing is generated for this package: types and enumerations are
made of what `trivirt.types` declares, services of what `trivirt.services` describes, each when it
is first needed. A generated table would be a third copy of the same facts (four megabytes as
classes, a few hundred kilobytes as data) that has to be loaded by `import ovirtsdk4`; this way
there is one truth in the package, the import takes some 50 ms, and a program pays for the types
and services that it names. What it costs is one millisecond or two for each large type, once.

Answers are read into these classes by the codec itself: see `_decode`.
"""

from __future__ import annotations

from trivirt.compat._install import install, stand_in_folder
from trivirt.compat._script import run_script

__all__ = ["install", "run_script", "stand_in_folder"]
