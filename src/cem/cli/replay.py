"""`cem replay`: make all states again from the log, in the journal's order, and compare them with the store's."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.output import json_option, note, print_json, stdout_console

__all__ = ["command"]


@click.command()
@click.option("--lane", "lanes", type=int, multiple=True, help="Only these lanes (repeatable). Default: all.")
@click.option("--compare/--no-compare", default=True, help="Compare with the states in the store.")
@json_option
@click.pass_context
def command(ctx: click.Context, lanes: tuple[int, ...], compare: bool, as_json: bool) -> None:
    """Rebuild the states from the log's journal and compare.

    Reads the journal of each lane from its beginning, makes every save again in memory, up to where the store is,
    and prints the digest that comes out. Nothing is written. Exit code 1 if the store's states differ.
    """
    from cem.bootstrap import replay_lanes

    settings = settings_from(ctx)
    chosen = list(lanes) or list(range(settings.partitions))
    wrong = [lane for lane in chosen if not 0 <= lane < settings.partitions]
    if wrong:
        raise Failure(f"there are lanes 0 to {settings.partitions - 1}, no lane {wrong[0]}", 2)
    result: Any = asyncio.run(
        replay_lanes(settings, chosen, compare=compare, progress=lambda text: note(text))
    )
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        line = f"{result.replayed.digest}  {result.replayed.customers} customers  {result.saves} saves"
        stdout_console().print(line, soft_wrap=True)
        if result.stored is not None:
            same = "equal to" if result.equal else "DIFFERENT from"
            stdout_console().print(f"{same} the store: {result.stored.digest}", soft_wrap=True)
            for customer in result.different[:20]:
                stdout_console().print(f"  {customer}", markup=False)
    if result.stored is not None and not result.equal:
        raise Failure(f"{len(result.different)} customers differ between replay and store", FAILED)
