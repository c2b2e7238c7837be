"""Rows of a Parquet file. Needs pyarrow, an optional dependency."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from cem.importing.table import MAX_CELL, Fault, FileError, Row, Source

__all__ = ["ParquetTable"]

_BATCH: Final = 4096
#: A packed file is unpacked to disk first, for Parquet is read from its end.
_MAX_UNPACKED: Final = 16 * 1024**3


class ParquetTable:
    """The rows under the file's top-level columns. Times are written as ISO 8601, NaN is nothing."""

    def __init__(self, source: Source) -> None:
        """Read the schema. Raises FileError."""
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            raise FileError(f"{source.path}: Parquet needs pyarrow: pip install 'cem[parquet]'") from None
        self._source = source
        self._errors: tuple[type[Exception], ...] = (ArrowException, OSError)
        try:
            self._file = parquet.ParquetFile(_seekable(source))
        except self._errors as error:
            raise FileError(f"{source.path}: is no Parquet file ({_first_line(error)})") from None
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)

    def __iter__(self) -> Iterator[Row]:
        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield _row(number, [_text(value) for value in cells])
        except self._errors as error:
            raise FileError(f"{self._source.path}: cannot be read on ({_first_line(error)})") from None


def _seekable(source: Source) -> Any:
    """Return the Parquet bytes as a file that can be read anywhere."""
    if not source.path.name.lower().endswith(".gz"):
        return source.stream
    unpacked = source.own(tempfile.TemporaryFile())  # noqa: SIM115 (closed with the source)
    try:
        while chunk := source.stream.read(1 << 20):
            unpacked.write(chunk)
            if unpacked.tell() > _MAX_UNPACKED:
                raise FileError(f"{source.path}: unpacks to more than {_MAX_UNPACKED // 1024**3} GB")
    except (EOFError, OSError) as error:
        raise source.broken(error) from None
    unpacked.seek(0)
    return unpacked


def _row(number: int, cells: list[str]) -> Row:
    fault = None
    if any(len(cell) > MAX_CELL for cell in cells):
        fault = Fault("too_large", f"a cell is longer than {MAX_CELL:,} characters")
    return Row(number, number, cells, fault)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if value != value else repr(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
