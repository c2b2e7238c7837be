"""The table of a file, by its suffix."""

from __future__ import annotations

from typing import Final

from cem.importing.csv_rows import CsvTable
from cem.importing.json_rows import JsonArrayTable, JsonLinesTable
from cem.importing.parquet_rows import ParquetTable
from cem.importing.table import CsvOptions, FileError, Source, Table, suffix_of

__all__ = ["FORMATS", "open_table"]

FORMATS: Final = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


def open_table(source: Source, options: CsvOptions | None = None) -> Table:
    """Return the rows of the opened file. `options` concern delimited files. Raises FileError or MapError."""
    suffix = suffix_of(source.path)
    if suffix in _DELIMITERS:
        return CsvTable(source, options or CsvOptions(), delimiter=_DELIMITERS[suffix])
    if suffix == "jsonl":
        return JsonLinesTable(source)
    if suffix == "json":
        return JsonArrayTable(source)
    if suffix == "parquet":
        return ParquetTable(source)
    raise FileError(f"{source.path}: the name ends in none of {', '.join(FORMATS)} (each also with .gz)")
