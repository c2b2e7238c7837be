"""Rows of a delimited file (.csv, .tsv)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

from cem.importing.document import MapError
from cem.importing.table import MAX_CELL, MAX_COLUMNS, CsvOptions, Fault, FileError, LineReader, Row, Source

__all__ = ["CsvTable"]

#: Both spellings of UTF-8 take a byte order mark, which spreadsheets write.
_UTF8: Final = ("utf-8", "utf8", "utf_8")


class CsvTable:
    """The rows under the header's columns, or under those that the map gives. Blank lines are no rows."""

    def __init__(self, source: Source, options: CsvOptions, *, delimiter: str) -> None:
        """Read the header. Raises FileError or MapError."""
        encoding = "utf-8-sig" if options.encoding.lower() in _UTF8 else options.encoding
        try:
            self._lines = LineReader(source, encoding)
        except LookupError:
            raise MapError(f"{options.place}: csv.encoding: {options.encoding!r} is not known") from None
        # The module's own limit, which is one for the whole process; nobody else reads CSV here.
        csv.field_size_limit(MAX_CELL)
        self._reader = csv.reader(iter(self._lines), delimiter=options.delimiter or delimiter)
        self.columns = options.columns
        if options.header:
            header = self._header(source)
            if self.columns and len(self.columns) != len(header):
                raise MapError(
                    f"{options.place}: csv.columns: {len(self.columns)} names, but the header of {source.path.name} "
                    f"has {len(header)}"
                )
            self.columns = self.columns or header

    def __iter__(self) -> Iterator[Row]:
        reader, width, number = self._reader, len(self.columns), 0
        take_fault = self._lines.take_fault
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                take_fault()
                yield Row(number, line, (), _fault(error))
                continue
            fault = take_fault()
            if not cells and fault is None:
                continue
            number += 1
            if fault is None and len(cells) != width:
                cells, fault = self._fitted(cells)
            yield Row(number, line, cells, fault)

    def _header(self, source: Source) -> tuple[str, ...]:
        for cells in self._reader:
            if len(cells) > MAX_COLUMNS:
                raise FileError(f"{source.path}: {len(cells):,} columns are too many")
            if (fault := self._lines.take_fault()) is not None:
                raise FileError(f"{source.path}: the header {fault.detail}")
            if cells:
                return tuple(cell.strip() for cell in cells)
        raise FileError(f"{source.path}: the file is empty")

    def _fitted(self, cells: list[str]) -> tuple[list[str], Fault | None]:
        """Take blank cells beyond the last column for what they are; anything else is a fault."""
        width = len(self.columns)
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            return cells[:width], None
        return cells, Fault("wrong_columns", f"has {len(cells)} cells under {width} columns")


def _fault(error: csv.Error) -> Fault:
    if "field larger than" in str(error):
        return Fault(
            "too_large", f"has a cell of more than {MAX_CELL:,} characters, or a quote that is not closed"
        )
    return Fault("bad_row", f"is no row of a delimited file: {error}")
