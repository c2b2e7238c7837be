"""A file as rows of texts, whatever its format: the part that the readers of all formats share.

Reading is a stream: a row is read, used and forgotten. What is too large is refused before it is taken into
memory, row by row, so that one giant does not end the import of the others.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeVar

import msgspec

from cem.importing.document import MapError, nearest

__all__ = [
    "MAX_CELL",
    "MAX_COLUMNS",
    "MAX_ROW",
    "CsvOptions",
    "Fault",
    "FileError",
    "LineReader",
    "Row",
    "Source",
    "Table",
    "column_finder",
    "suffix_of",
]

#: Characters of one line of a text file, of one cell, and columns of one row.
MAX_ROW: Final = 4 * 1024 * 1024
MAX_CELL: Final = 1024 * 1024
MAX_COLUMNS: Final = 10_000
#: What a gzip stream may end badly with.
_BROKEN: Final = (EOFError, gzip.BadGzipFile, zlib.error)


Opened = TypeVar("Opened", bound=IO[Any])


class FileError(Exception):
    """A file that cannot be read (on): missing, of an unknown format, cut off, or not what its suffix says."""


class Fault(msgspec.Struct, frozen=True):
    """Why a row cannot even be looked at: a code and a sentence."""

    code: str
    detail: str


class Row(msgspec.Struct, gc=False):
    """One row. `cells` stand under the table's columns; "" where there is nothing."""

    #: 1 for the first row of data.
    number: int
    #: Line of the file where it begins; for formats without lines, its number.
    line: int
    cells: Sequence[str]
    fault: Fault | None = None


class Table(Protocol):
    """Rows under named columns. Iterate once; raises FileError when the file breaks off."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def __iter__(self) -> Iterator[Row]: ...


class CsvOptions(msgspec.Struct, frozen=True):
    """What a map's `csv` entry says about a delimited file. None: by the suffix."""

    delimiter: str | None = None
    encoding: str = "utf-8-sig"
    header: bool = True
    columns: tuple[str, ...] = ()
    place: str = ""


class Source:
    """An opened file, unpacked on the fly, that knows how much of it has been read."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises FileError."""
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise FileError(f"{path}: {error.strerror}") from None
        self.path = path
        self.size = path.stat().st_size
        self.stream: IO[bytes] = self._file
        self._opened: list[IO[Any]] = [self._file]
        if path.name.lower().endswith(".gz"):
            self.stream = self.own(io.BufferedReader(gzip.GzipFile(fileobj=self._file, mode="rb")))

    def share(self) -> float:
        """Return how much of the file has been read, 0 to 1 (of the packed bytes)."""
        return min(1.0, self._file.tell() / self.size) if self.size else 1.0

    def own(self, file: Opened) -> Opened:
        """Close `file` with this one, and before it."""
        self._opened.append(file)
        return file

    def close(self) -> None:
        """Close the file and all that was opened on it."""
        while self._opened:
            self._opened.pop().close()

    def broken(self, error: Exception) -> FileError:
        """Return what to raise for an error in the middle of reading."""
        return FileError(f"{self.path}: the file breaks off or is no gzip ({error})")


class LineReader:
    """Lines of a text file, at most MAX_ROW characters each.

    A longer line is skipped to its end and read as an empty one; then, and when a line holds bytes that are not of
    the encoding, `take_fault` says so once.
    """

    def __init__(self, source: Source, encoding: str) -> None:
        """Read `source` from where it stands. Raises LookupError for an unknown encoding."""
        self._source = source
        # "" keeps line ends as they are, which quoted cells need. Foreign bytes become lone surrogates.
        text = io.TextIOWrapper(source.stream, encoding, errors="surrogateescape", newline="")
        self._text = source.own(text)
        self._fault: Fault | None = None

    @property
    def encoding(self) -> str:
        """Return the name of the encoding, as a person knows it."""
        return self._text.encoding.upper().removesuffix("-SIG")

    def __iter__(self) -> Iterator[str]:
        readline = self._text.readline
        try:
            while line := readline(MAX_ROW):
                if len(line) == MAX_ROW and not line.endswith("\n"):
                    line = self._skip()
                elif not line.isascii() and not _is_text(line):
                    self._fault = Fault("bad_text", f"holds bytes that are no {self.encoding}")
                yield line
        except _BROKEN as error:
            raise self._source.broken(error) from None
        except UnicodeError as error:
            raise FileError(f"{self._source.path}: is not written in {self.encoding} ({error})") from None

    def chunks(self, size: int) -> Iterator[str]:
        """Yield the text in pieces of `size` characters, wherever lines end."""
        try:
            while piece := self._text.read(size):
                yield piece
        except _BROKEN as error:
            raise self._source.broken(error) from None
        except UnicodeError as error:
            raise FileError(f"{self._source.path}: is not written in {self.encoding} ({error})") from None

    def take_fault(self) -> Fault | None:
        """Return what was wrong with the lines read since the last call."""
        fault, self._fault = self._fault, None
        return fault

    def _skip(self) -> str:
        self._fault = Fault("too_large", f"is longer than {MAX_ROW:,} characters")
        while (rest := self._text.readline(MAX_ROW)) and not rest.endswith("\n"):
            pass
        return "\n"


def column_finder(table_columns: Sequence[str], file: str) -> Callable[[str, str], int]:
    """Return the function from a column's name (and the place in the map that names it) to its position.

    It raises MapError with the nearest name when the file has no such column, or several of that name.
    """
    positions: dict[str, list[int]] = {}
    for index, name in enumerate(table_columns):
        positions.setdefault(name, []).append(index)

    def find(name: str, place: str) -> int:
        found = positions.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise MapError(
                f"{place}: {file} has {len(found)} columns named {name!r}; csv: columns can rename them"
            )
        hint = nearest(name, positions)
        if len(table_columns) == 1 and not name.isspace():
            hint += f" It has one column only, {table_columns[0][:60]!r}: is csv: delimiter right?"
        raise MapError(f"{place}: {file} has no column {name!r}.{hint}")

    return find


def suffix_of(path: Path) -> str:
    """Return the file's format by its name: "csv", "jsonl", ... without ".gz"; "" when it has none."""
    name = path.name.lower().removesuffix(".gz")
    return name.rpartition(".")[2] if "." in name else ""


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
