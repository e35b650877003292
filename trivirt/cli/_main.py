"""Where a command starts and ends: the group of commands, exit codes, one sentence per failure."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from trivirt._version import __version__
from trivirt.cli._failure import Interrupted, sentence
from trivirt.cli._inventory import inventory
from trivirt.cli._options import Settings, debug_option
from trivirt.cli._simulate import simulate

__all__ = ["run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="trivirt", message="%(prog)s %(version)s")
@debug_option
def trivirt() -> None:
    """Read and drive oVirt engines."""


trivirt.add_command(inventory)
trivirt.add_command(simulate)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; nothing but its exit code comes out, whatever went wrong."""
    settings = Settings()
    try:
        code = trivirt.main(
            None if arguments is None else list(arguments),
            prog_name="trivirt",
            standalone_mode=False,
            obj=settings,
        )
    except click.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BaseException as error:
        return _failed(error, settings)
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, settings: Settings) -> int:
    try:
        text = sentence(error)
    except Interrupted:
        return _interrupted()
    if settings.debug:
        traceback.print_exception(error)
    _complain(text)
    return 1


def _interrupted() -> int:
    _complain("interrupted")
    return 130


def _complain(text: str) -> None:
    # The very pipe that we would complain to may be what broke.
    with suppress(OSError):
        print(f"trivirt: {text}", file=sys.stderr, flush=True)
