"""Where a command starts and ends: the group of commands, exit codes, one sentence per failure."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from trivirt import __version__
from trivirt.cli._failure import Interrupted, sentence
from trivirt.cli._options import Settings, debug_option

__all__ = ["run"]

# Each command is the function of this name in the module of this name, which is imported when the
# command is run and not before: most of them need trio and the services, a second on a slow
# machine, and `--help` and the completion of a shell shall not. So what `--help` says of them
# stands here.
_COMMANDS = {
    "completion": "Print what makes a shell complete commands and paths.",
    "doctor": "Say what is wrong on the way to an engine, and how to mend it.",
    "engines": "List the engines that can be named.",
    "get": "Show an object or a collection whole.",
    "inventory": "Read what engines hold into a file.",
    "ls": "List a collection.",
    "simulate": "Run a simulated engine.",
}


class _Commands(click.Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"trivirt.cli._{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="trivirt", message="%(prog)s %(version)s")
@debug_option
def trivirt() -> None:
    """Read and drive oVirt engines."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; nothing but its exit code comes out, whatever went wrong."""
    settings = Settings()
    _open_closed_outputs()
    try:
        code = trivirt.main(
            None if arguments is None else list(arguments),
            prog_name="trivirt",
            standalone_mode=False,
            obj=settings,
        )
        sys.stdout.flush()  # Here and not at exit, where nobody could tell of a full disk.
    except click.Abort:
        return _interrupted()
    except SystemExit as done:  # What click leaves with when a shell asked for completions.
        return done.code if isinstance(done.code, int) else 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return _reader_gone()
    except BaseException as error:
        return _failed(error, settings)
    return code if isinstance(code, int) else 0


def _open_closed_outputs() -> None:
    """Where somebody has closed an output (>&-), words go nowhere, nor into a file of ours."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end


def _failed(error: BaseException, settings: Settings) -> int:
    try:
        text = sentence(error)
    except Interrupted:
        return _interrupted()
    if settings.debug:
        traceback.print_exception(error)
    _complain(text)
    return 1


def _reader_gone() -> int:
    """Whoever read our output has seen enough, as `head` does; nobody is left to complain to."""
    with suppress(OSError, ValueError):
        # What is still buffered is written at exit, and must not fail there again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _interrupted() -> int:
    _complain("interrupted")
    return 130


def _complain(text: str) -> None:
    # The very pipe that we would complain to may be what broke.
    with suppress(OSError):
        print(f"trivirt: {text}", file=sys.stderr, flush=True)
