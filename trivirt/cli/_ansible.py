"""`trivirt inventory --ansible`: a dynamic inventory, as Ansible asks scripts for it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
import trio
from click.core import ParameterSource

from trivirt.cli._sign_on import Target, named_engine, with_secret

__all__ = ["ansible_options"]

F = TypeVar("F", bound=Callable[..., Any])


def ansible_options(command: F) -> F:
    """Add `--ansible` and what Ansible adds to it; with it, this runs in place of the command."""

    @functools.wraps(command)
    def run(*, ansible: bool, list_all: bool, host: str | None, **options: Any) -> Any:
        if not ansible:
            if list_all or host is not None:
                raise click.UsageError("--list and --host are for --ansible.")
            return command(**options)
        if list_all == (host is not None):
            raise click.UsageError("--ansible needs --list or --host NAME.")
        if len(options["engine"]) > 1:
            raise click.UsageError("--ansible takes one --engine; others are other inventories.")
        names = ("url", "username", "ca_file", "insecure")
        _refuse_others({*options} - {*names, "engine"})
        engine = next(iter(options["engine"]), None)
        given = {name: options[name] for name in names}
        _show(with_secret(named_engine(**given, engine=engine)), host)
        return None

    for option in (
        click.option("--host", metavar="NAME", help="With --ansible: the variables of one host."),
        click.option("--list", "list_all", is_flag=True, help="With --ansible: all hosts."),
        click.option("--ansible", is_flag=True, help="Be a dynamic inventory for Ansible."),
    ):
        run = option(run)
    return run  # type: ignore[return-value]  # The command with other parameters.


def _refuse_others(names: set[str]) -> None:
    """What is asked of other inventories would be ignored."""
    context = click.get_current_context()
    given = {n for n in names if context.get_parameter_source(n) is ParameterSource.COMMANDLINE}
    for option in context.command.params:
        if option.name in given:
            raise click.UsageError(f"{option.opts[0]} is not for --ansible.")


def _show(target: Target, host: str | None) -> None:
    answer = trio.run(_ask, target, host)
    click.echo(json.dumps(answer, ensure_ascii=False, indent=1))


async def _ask(target: Target, host: str | None) -> dict[str, Any]:
    from trivirt.cli._ansible_read import read_host, read_inventory
    from trivirt.engine import open_engine

    async with open_engine(**target.options()) as engine:
        return await (read_inventory(engine) if host is None else read_host(engine, host))
