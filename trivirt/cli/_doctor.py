"""`trivirt doctor`: what is wrong on the way to an engine, and how to mend it."""

from __future__ import annotations

import sys
from typing import Any

import click

from trivirt.cli._finding import STEPS, Finding
from trivirt.cli._formats import format_option, show_records
from trivirt.cli._options import debug_option
from trivirt.cli._sign_on import engine_options, named_engine, with_secret

__all__ = ["doctor"]

_STYLES = {"ok": "green", "warning": "yellow", "wrong": "red"}
_STEP, _STATE = max(map(len, STEPS)), max(map(len, _STYLES))


@click.command()
@format_option("table")
@engine_options
@debug_option
@click.pass_context
def doctor(
    context: click.Context,
    *,
    form: str,
    url: str | None,
    engine: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
) -> None:
    """Try the way to an engine: DNS, TLS, sign-on, version, clock, speed.

    Says what is wrong, and how to mend it. The exit code is 1 if something is wrong, and 0 if all
    is well or there are only warnings.
    """
    target = with_secret(named_engine(url, username, ca_file, insecure, engine))
    import trio

    from trivirt.cli._checkup import examine

    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if form == "table":
            _show(finding)

    trio.run(examine, target, tell)
    if form == "table":
        click.echo(_summary(findings))
    else:
        records: list[dict[str, Any]] = [finding._asdict() for finding in findings]
        show_records(form, records, Finding._fields)
    if findings[-1].state == "wrong":
        context.exit(1)


def _summary(findings: list[Finding]) -> str:
    if findings[-1].state == "wrong":
        left = STEPS[STEPS.index(findings[-1].step) + 1 :]
        return f"Not tried: {', '.join(left)}." if left else "Something is wrong."
    warnings = sum(finding.state == "warning" for finding in findings)
    if warnings:
        return f"It works, with {warnings} warning{'s' * (warnings > 1)}."
    return "All is well."


def _show(finding: Finding) -> None:
    """One finding: a line in a pipe, folded beside its step on a terminal."""
    from rich.console import Console
    from rich.table import Table

    if not sys.stdout.isatty():
        click.echo(f"{finding.state:{_STATE}}  {finding.step:{_STEP}}  {finding.found}")
        if finding.mend:
            click.echo(f"{'':{_STATE}}  {'':{_STEP}}  -> {finding.mend}")
        return
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(width=_STATE, style=_STYLES[finding.state])
    table.add_column(width=_STEP)
    table.add_column(overflow="fold")
    table.add_row(finding.state, finding.step, finding.found)
    if finding.mend:
        table.add_row("", "", f"→ {finding.mend}")
    console.print(table)
