"""Runs a script so that it cannot tell that it was not started by `python SCRIPT`."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from types import ModuleType

from trivirt.compat._install import install, stand_in_folder

_USAGE = """usage: python -m trivirt.compat SCRIPT [ARGUMENT ...]
       python -m trivirt.compat --path

The first runs a script, whose `import ovirtsdk4` finds trivirt's; so does that of Python programs
which the script starts. The second prints the folder that does the same on a PYTHONPATH."""


def main() -> None:
    """The command; ends as the script does."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    if arguments == ["--path"]:
        print(stand_in_folder())
        sys.exit(0)
    if not os.path.exists(arguments[0]):
        print(f"{_USAGE}\nthere is no {arguments[0]!r}", file=sys.stderr)
        sys.exit(2)
    run_script(arguments)


def run_script(arguments: Sequence[str]) -> None:
    """Run a script with its arguments as `__main__`; raises what it raises."""
    script = os.path.abspath(arguments[0])
    install()
    # For what it starts: task runners work in child processes.
    inherited = os.environ.get("PYTHONPATH")
    paths = [stand_in_folder(), inherited] if inherited else [stand_in_folder()]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    sys.argv[:] = arguments
    if not getattr(sys.flags, "safe_path", False):
        # `python -m` has put the working folder there; a script has its own.
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    with io.open_code(script) as file:
        code = compile(file.read(), script, "exec", dont_inherit=True)
    exec(code, _main_module(script))


def _main_module(script: str) -> dict[str, object]:
    """The namespace of a module that is `__main__` until the end, exit handlers included.

    `runpy` would take it away when the script is through.
    """
    main = ModuleType("__main__")
    main.__dict__.update(
        __builtins__=builtins,
        __cached__=None,
        __file__=script,
        __loader__=SourceFileLoader("__main__", script),
    )
    sys.modules["__main__"] = main
    return main.__dict__
