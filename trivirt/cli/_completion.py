"""`trivirt completion`: what a shell needs to complete commands, options and paths."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes SHELL complete commands, options and paths; your own if none is named.

    \b
    bash: trivirt completion bash > ~/.local/share/bash-completion/completions/trivirt
    zsh:  trivirt completion zsh > "${fpath[1]}/_trivirt"
    fish: trivirt completion fish > ~/.config/fish/completions/trivirt.fish
    """
    shell = shell or os.path.basename(os.environ.get("SHELL", ""))
    if shell not in _SHELLS:
        raise click.UsageError(f"Name a shell: {', '.join(_SHELLS)}.")
    made = get_completion_class(shell)
    assert made is not None, shell
    print(made(context.find_root().command, {}, "trivirt", "_TRIVIRT_COMPLETE").source())
