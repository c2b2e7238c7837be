"""Files, maps and tables for tests of importing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cem.importing.event_map import ImportMap, read_import_map
from cem.importing.open_table import open_table
from cem.importing.table import Row, Source, Table
from cem.importing.translation import Translator

NOW_MS = 1_800_000_000_000

SMS_MAP = """
    event: sms.rated
    fields:
      line: {column: sender}
      recipient: {column: recipient}
    time: {column: t, format: unix}
    key: {column: sender}
"""


def a_map(text: str) -> ImportMap:
    """The map that the indented text holds, from a file called map.yaml."""
    return read_import_map(textwrap.dedent(text), "map.yaml")


class ListTable:
    """A table of rows that stand in memory."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.columns = tuple(columns)
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        for number, cells in enumerate(self._rows, 1):
            yield Row(number, number + 1, list(cells))


def one_row(cells: Mapping[str, str]) -> ListTable:
    """A table of one row."""
    return ListTable(list(cells), [list(cells.values())])


def a_translator(rule: ImportMap, table: Table, *, now_ms: int = NOW_MS) -> Translator:
    """The translator of the map for the table, with a fixed source, clock and key."""
    return Translator(
        rule, table, file="data.csv", source="import:0123456789abcdef", now_ms=now_ms, hash_key=b"key"
    )


def rows_of(path: Path, rule: ImportMap | None = None) -> list[Row]:
    """All rows of the file."""
    source = Source(path)
    try:
        return list(open_table(source, rule.csv if rule else None))
    finally:
        source.close()
