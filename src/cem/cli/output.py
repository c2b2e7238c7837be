"""What commands print: data on standard output (a table, or JSON with --json), everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from cem.cli.errors import USAGE, Failure

__all__ = [
    "counted",
    "json_option",
    "note",
    "print_json",
    "print_table",
    "require_folder",
    "stderr_console",
    "stdout_console",
    "table_of",
]

F = TypeVar("F", bound=Callable[..., Any])

#: Columns of a table that goes to a file or a pipe: nothing is cut off or wrapped there.
_UNBOUNDED = 10_000


def json_option(function: F) -> F:
    """Give the command a `--json` flag, passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(function)


def require_folder(out: Path) -> None:
    """Return if a file can be made at `out` as far as its folder goes. Raises Failure, before any work is done."""
    if not out.parent.is_dir():
        raise Failure(f"{out}: there is no folder {out.parent}", USAGE)


def stdout_console() -> Console:
    """Return a console on standard output: colours only on a terminal and without NO_COLOR."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    width = int(os.environ.get("COLUMNS", _UNBOUNDED))
    return Console(highlight=False, width=width, soft_wrap=True)


def stderr_console() -> Console:
    """Return a console on standard error, for progress and notes."""
    return Console(stderr=True, highlight=False)


def print_json(data: object) -> None:
    """Print `data` as one JSON document, indented for a terminal, on one line for a pipe."""
    text = msgspec.json.encode(data)
    if sys.stdout.isatty():
        text = msgspec.json.format(text, indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print rows under their columns; numbers stand right, None is shown as unknown ("-")."""
    console = stdout_console()
    with console.capture() as captured:
        console.print(table_of(columns, rows, title=title))
    # The padding of the last column is no data.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """Return what `print_table` prints, for a console that shows it again and again."""
    listed = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in listed) and listed
        table.add_column(column, justify="right" if numeric else "left", no_wrap=bool(numeric))
    for row in listed:
        table.add_row(*(_cell(value) for value in row))
    return table


def counted(number: int, noun: str) -> str:
    """Return "1 record", "2 records", "1,000 records"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def note(message: str) -> None:
    """Print a remark for the person at the terminal on standard error."""
    click.echo(message, err=True)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("[", r"\[")
