"""What the readers of labelled files and of messages share: going through the rows, conditions, times, absent columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from cem.importing.event_map import Condition
from cem.importing.open_table import open_table
from cem.importing.table import CsvOptions, Row, Source
from cem.importing.times import TimeSpec, time_parser
from cem.importing.values import ValueSpec, value_reader

__all__ = ["Cells", "Find", "mapped_rows", "read_condition", "read_time", "read_value"]

Cells = Sequence[str]
#: From a column's name, and the place in the map that names it, to its position; raises MapError.
Find = Callable[[str, str], int]
Mapped = TypeVar("Mapped")


def mapped_rows(
    path: Path,
    csv: CsvOptions,
    make_reader: Callable[[tuple[str, ...], str], Callable[[Row], Mapped | None]],
    *,
    limit: int | None = None,
    on_share: Callable[[int, float], None] | None = None,
) -> Iterator[Mapped]:
    """Yield what the reader makes of the rows up to row `limit`, but None. Raises FileError, and what the reader does.

    The reader is made of the file's columns and name; `on_share` hears each row's number and the share of the file read.
    """
    source = Source(path)
    try:
        table = open_table(source, csv)
        read = make_reader(table.columns, path.name)
        for row in table:
            if limit is not None and row.number > limit:
                return
            if on_share is not None:
                on_share(row.number, source.share())
            if (found := read(row)) is not None:
                yield found
    finally:
        source.close()


def read_condition(condition: Condition | None, find: Find, *, absent: bool) -> Callable[[Cells], bool]:
    """Return whether a row meets the condition; `absent` is the answer when there is none."""
    if condition is None:
        return lambda cells: absent
    at, equals = find(condition.column, condition.place), condition.equals
    return lambda cells: cells[at].strip() in equals


def read_time(spec: TimeSpec, find: Find) -> Callable[[Cells], int]:
    """Return a row's time in milliseconds, written in one column or several. It raises ValueError with a reason."""
    at, parse = [find(name, spec.place) for name in spec.columns], time_parser(spec)
    return lambda cells: parse(" ".join(cells[i].strip() for i in at).strip())


def read_value(spec: ValueSpec | None, find: Find) -> Callable[[Cells], str | None]:
    """Return a row's value; None for what the map does not name."""
    return (lambda cells: None) if spec is None else value_reader(spec, find)
