"""The rows of a file as labelled features, by a `TableMap`. A cell that reads as a number is one, any other is a text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cem.importing.mapped_rows import mapped_rows, read_condition, read_time
from cem.importing.table import Row, column_finder
from cem.importing.table_map import TableMap, chosen_columns
from cem.importing.values import value_reader

__all__ = ["TableRow", "read_labelled_table"]


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
    return mapped_rows(path, rule.csv, lambda columns, file: _Reader(rule, columns, file), limit=limit)


class _Reader:
    """From cells to a labelled row."""

    def __init__(self, rule: TableMap, columns: tuple[str, ...], file: str) -> None:
        find = column_finder(columns, file)
        self._rule = rule
        self._label = value_reader(rule.label, find)
        self._extras = [(name, value_reader(spec, find)) for name, spec in rule.extras.items()]
        self._features = chosen_columns(rule, columns, file)
        self._time = None if rule.time is None else read_time(rule.time, find)
        self._where = read_condition(rule.where, find, absent=True)
        self._held_out = read_condition(rule.holdout, find, absent=False)

    def __call__(self, row: Row) -> TableRow | None:
        """Return the row, None for one that `where` leaves out."""
        if row.fault is not None:
            return TableRow(row.number, fault=row.fault.code)
        cells = row.cells
        if not self._where(cells):
            return None
        label = self._labelled(self._label(cells))
        if label is None:
            return TableRow(row.number, fault="bad_label")
        try:
            time_ms = None if self._time is None else self._time(cells)
        except ValueError:
            return TableRow(row.number, fault="bad_time")
        return TableRow(
            row.number,
            label,
            {name: _value(cell) for name, at in self._features if (cell := cells[at].strip())},
            {name: found for name, read in self._extras if (found := read(cells))},
            time_ms,
            self._held_out(cells),
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
