"""The rows of a file as labelled texts, by a `TextMap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cem.importing.label_map import TextMap
from cem.importing.mapped_rows import mapped_rows, read_condition, read_time, read_value
from cem.importing.table import Row, column_finder

__all__ = ["TextRow", "read_texts"]


class TextRow(msgspec.Struct, frozen=True):
    """One row. A label of None, or a fault, makes it one that cannot be used."""

    row: int
    text: str = ""
    label: str | None = None
    channel: str = ""
    fields: dict[str, str] = {}
    time_ms: int | None = None
    held_out: bool = False
    #: Why the row cannot be used: a code, or "".
    fault: str = ""


def read_texts(
    path: Path,
    rule: TextMap,
    *,
    limit: int | None = None,
    on_share: Callable[[int, float], None] | None = None,
) -> Iterator[TextRow]:
    """Yield the rows that the map's `where` lets through, up to row `limit` of the file. Raises FileError or MapError."""
    return mapped_rows(
        path, rule.csv, lambda columns, file: _Reader(rule, columns, file), limit=limit, on_share=on_share
    )


class _Reader:
    """From cells to a labelled text."""

    def __init__(self, rule: TextMap, columns: Sequence[str], file: str) -> None:
        find = column_finder(columns, file)
        self._rule = rule
        self._text = read_value(rule.text, find)
        self._label = read_value(rule.label, find)
        self._channel = read_value(rule.channel, find)
        self._fields = {name: read_value(spec, find) for name, spec in rule.fields.items()}
        # The model hears the language from the text; the column must exist all the same.
        read_value(rule.language, find)
        self._time = None if rule.time is None else read_time(rule.time, find)
        self._where = read_condition(rule.where, find, absent=True)
        self._held_out = read_condition(rule.holdout, find, absent=False)

    def __call__(self, row: Row) -> TextRow | None:
        """Return the row, None for one that `where` leaves out."""
        if row.fault is not None:
            return TextRow(row.number, fault=row.fault.code)
        cells = row.cells
        if not self._where(cells):
            return None
        label = self._label(cells)
        if label is None and self._rule.label is not None:
            return TextRow(row.number, fault="no_label")
        try:
            time_ms = None if self._time is None else self._time(cells)
        except ValueError:
            return TextRow(row.number, fault="bad_time")
        return TextRow(
            row.number,
            self._text(cells) or "",
            label,
            self._channel(cells) or "",
            {name: found for name, read in self._fields.items() if (found := read(cells))},
            time_ms,
            self._held_out(cells),
        )
