"""The rows of a file as labelled features, by a `TableMap`. A cell that reads as a number is one, any other is a text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cem.importing.open_table import open_table
from cem.importing.table import Row, Source, column_finder
from cem.importing.table_map import TableMap, chosen_columns
from cem.importing.times import time_parser
from cem.importing.values import ValueSpec, value_reader

__all__ = ["TableRow", "read_labelled_table"]

Cells = Sequence[str]


class TableRow(msgspec.Struct, frozen=True):
    """One row. A fault makes it one that cannot be used."""

    row: int
    #: 1 or 0 where the map says what is positive, else the number.
    label: float = 0.0
    features: dict[str, float | str] = {}
    #: The map's "text", "action", ... that the row has.
    extras: dict[str, str] = {}
    time_ms: int | None = None
    held_out: bool = False
    #: Why the row cannot be used: a code, or "".
    fault: str = ""


def read_labelled_table(path: Path, rule: TableMap, *, limit: int | None = None) -> Iterator[TableRow]:
    """Yield the rows that the map's `where` lets through, up to row `limit` of the file. Raises FileError or MapError."""
    source = Source(path)
    try:
        table = open_table(source, rule.csv)
        read = _Reader(rule, table.columns, path.name)
        for row in table:
            if limit is not None and row.number > limit:
                return
            if (found := read(row)) is not None:
                yield found
    finally:
        source.close()


class _Reader:
    """From cells to a labelled row."""

    def __init__(self, rule: TableMap, columns: tuple[str, ...], file: str) -> None:
        find = column_finder(columns, file)

        def value(spec: ValueSpec) -> Callable[[Cells], str | None]:
            return value_reader(spec, find)

        self._rule = rule
        self._label = value(rule.label)
        self._extras = [(name, value(spec)) for name, spec in rule.extras.items()]
        self._features = chosen_columns(rule, columns, file)
        self._time = None if rule.time is None else time_parser(rule.time)
        self._time_at = (
            [] if rule.time is None else [find(name, rule.time.place) for name in rule.time.columns]
        )
        self._where = None if rule.where is None else find(rule.where.column, rule.where.place)
        self._holdout = None if rule.holdout is None else find(rule.holdout.column, rule.holdout.place)

    def __call__(self, row: Row) -> TableRow | None:
        """Return the row, None for one that `where` leaves out."""
        if row.fault is not None:
            return TableRow(row.number, fault=row.fault.code)
        cells, rule = row.cells, self._rule
        if (
            self._where is not None
            and rule.where is not None
            and cells[self._where].strip() not in rule.where.equals
        ):
            return None
        label = self._labelled(self._label(cells))
        if label is None:
            return TableRow(row.number, fault="bad_label")
        time_ms = None
        if self._time is not None:
            try:
                time_ms = self._time(" ".join(cells[at].strip() for at in self._time_at).strip())
            except ValueError:
                return TableRow(row.number, fault="bad_time")
        held_out = (
            self._holdout is not None
            and rule.holdout is not None
            and cells[self._holdout].strip() in rule.holdout.equals
        )
        return TableRow(
            row.number,
            label,
            {name: _value(cell) for name, at in self._features if (cell := cells[at].strip())},
            {name: found for name, read in self._extras if (found := read(cells))},
            time_ms,
            held_out,
        )

    def _labelled(self, text: str | None) -> float | None:
        if not text:
            return None
        if self._rule.positive is not None:
            return float(text in self._rule.positive)
        number = _value(text)
        low, high = self._rule.scale or (-math.inf, math.inf)
        return number if isinstance(number, float) and low <= number <= high else None


def _value(cell: str) -> float | str:
    """Return the number that the cell writes, else its text. "nan", "inf" and "1_000" are texts."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) and "_" not in cell else cell
