"""The rows of a file as labelled texts, by a `TextMap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cem.importing.label_map import TextMap
from cem.importing.open_table import open_table
from cem.importing.table import Row, Source, column_finder
from cem.importing.times import time_parser
from cem.importing.values import ValueSpec, value_reader

__all__ = ["TextRow", "read_texts"]

Cells = Sequence[str]


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
    source = Source(path)
    try:
        table = open_table(source, rule.csv)
        read = _Reader(rule, table.columns, path.name)
        for row in table:
            if limit is not None and row.number > limit:
                return
            if on_share is not None:
                on_share(row.number, source.share())
            found = read(row)
            if found is not None:
                yield found
    finally:
        source.close()


class _Reader:
    """From cells to a labelled text."""

    def __init__(self, rule: TextMap, columns: Sequence[str], file: str) -> None:
        find = column_finder(columns, file)

        def value(spec: ValueSpec | None) -> Callable[[Cells], str | None]:
            return (lambda cells: None) if spec is None else value_reader(spec, find)

        self._rule = rule
        self._text = value(rule.text)
        self._label = value(rule.label)
        self._channel = value(rule.channel)
        self._fields = {name: value(spec) for name, spec in rule.fields.items()}
        for spec in (rule.language,):
            value(spec)  # The model hears the language from the text; the column must exist all the same.
        self._time = None if rule.time is None else time_parser(rule.time)
        self._time_at = (
            [] if rule.time is None else [find(name, rule.time.place) for name in rule.time.columns]
        )
        self._where = None if rule.where is None else find(rule.where.column, rule.where.place)
        self._holdout = None if rule.holdout is None else find(rule.holdout.column, rule.holdout.place)

    def __call__(self, row: Row) -> TextRow | None:
        """Return the row, None for one that `where` leaves out."""
        if row.fault is not None:
            return TextRow(row.number, fault=row.fault.code)
        cells = row.cells
        rule = self._rule
        if (
            self._where is not None
            and rule.where is not None
            and cells[self._where].strip() not in rule.where.equals
        ):
            return None
        label = self._label(cells)
        if label is None and rule.label is not None:
            return TextRow(row.number, fault="no_label")
        time_ms = None
        if self._time is not None:
            written = " ".join(cells[at].strip() for at in self._time_at).strip()
            try:
                time_ms = self._time(written)
            except ValueError:
                return TextRow(row.number, fault="bad_time")
        held_out = (
            self._holdout is not None
            and rule.holdout is not None
            and cells[self._holdout].strip() in rule.holdout.equals
        )
        return TextRow(
            row.number,
            self._text(cells) or "",
            label,
            self._channel(cells) or "",
            {name: found for name, read in self._fields.items() if (found := read(cells))},
            time_ms,
            held_out,
        )
