"""Rows of JSON objects: one a line (.jsonl), or one array (.json), which is read as a stream too."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from cem.importing.table import MAX_CELL, MAX_COLUMNS, MAX_ROW, Fault, FileError, LineReader, Row, Source

__all__ = ["JsonArrayTable", "JsonLinesTable"]

#: The columns are the names found in so many rows.
_SAMPLE: Final = 1_000
_CHUNK: Final = 1 << 16

#: Line, the object or why there is none.
_Item = tuple[int, Mapping[str, Any] | Fault]


class _ObjectTable:
    """Rows of objects under all names that the first thousand of them have; other names are not seen."""

    def __init__(self, items: Iterator[_Item]) -> None:
        sample = list(itertools.islice(items, _SAMPLE))
        names: dict[str, None] = {}
        for _, item in sample:
            if not isinstance(item, Fault):
                names.update(dict.fromkeys(item))
        self.columns = tuple(itertools.islice(names, MAX_COLUMNS))
        self._items: Iterable[_Item] = itertools.chain(sample, items)

    def __iter__(self) -> Iterator[Row]:
        columns = self.columns
        for number, (line, item) in enumerate(self._items, 1):
            if isinstance(item, Fault):
                yield Row(number, line, (), item)
                continue
            try:
                cells = [_text(item.get(name)) for name in columns]
            except (UnicodeError, RecursionError):
                yield Row(number, line, (), Fault("bad_text", "holds text that is no Unicode"))
                continue
            large = next(
                (name for name, cell in zip(columns, cells, strict=True) if len(cell) > MAX_CELL), None
            )
            fault = Fault("too_large", f"{large!r} is longer than {MAX_CELL:,} characters") if large else None
            yield Row(number, line, cells, fault)


class JsonLinesTable(_ObjectTable):
    """One JSON object a line. Blank lines are no rows."""

    def __init__(self, source: Source) -> None:
        super().__init__(self._objects(LineReader(source, "utf-8-sig")))

    @staticmethod
    def _objects(lines: LineReader) -> Iterator[_Item]:
        for number, line in enumerate(lines, 1):
            fault = lines.take_fault()
            if fault is not None:
                yield number, fault
            elif not line.isspace():
                yield number, _object(line)


class JsonArrayTable(_ObjectTable):
    """The objects of one JSON array. What is no JSON ends the reading: there is no telling where the next one begins."""

    def __init__(self, source: Source) -> None:
        self._source = source
        super().__init__(self._objects(LineReader(source, "utf-8-sig")))

    def _objects(self, lines: LineReader) -> Iterator[_Item]:
        decoder = json.JSONDecoder(parse_constant=_no_constant)
        chunks = lines.chunks(_CHUNK)
        buffer = next(chunks, "").lstrip()
        if not buffer.startswith("["):
            raise FileError(f"{self._source.path}: is no JSON array")
        buffer = buffer[1:]
        number = 0
        while True:
            buffer = buffer.lstrip()
            while not buffer:
                more = next(chunks, None)
                if more is None:
                    raise FileError(f"{self._source.path}: the array is not closed")
                buffer = more.lstrip()
            if buffer[0] == "]":
                return
            if buffer[0] == ",":
                if number == 0:
                    raise FileError(f"{self._source.path}: is no JSON array")
                buffer = buffer[1:]
                continue
            number += 1
            item, buffer = self._element(decoder, buffer, chunks, number)
            yield number, item if isinstance(item, dict) else Fault("not_object", "is no JSON object")

    def _element(
        self, decoder: json.JSONDecoder, buffer: str, chunks: Iterator[str], number: int
    ) -> tuple[Any, str]:
        """Return the element that `buffer` begins with, and what follows; reads on as far as it needs."""
        while True:
            try:
                item, end = decoder.raw_decode(buffer)
                # A number at the very end may go on in the next chunk.
                if end < len(buffer):
                    return item, buffer[end:]
            except (ValueError, RecursionError) as error:
                # Not the end of the element yet, or no JSON at all: more text tells.
                problem = str(error)
            else:
                problem = "it is not closed"
            more = next(chunks, None)
            if more is None or len(buffer) > MAX_ROW:
                raise FileError(f"{self._source.path}: element {number} is no JSON ({problem})")
            # Doubling keeps the work of trying again in proportion.
            while len(more) < len(buffer) and (next_chunk := next(chunks, None)) is not None:
                more += next_chunk
            buffer += more


def _object(line: str) -> Mapping[str, Any] | Fault:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Fault("not_json", f"is no JSON: {error.msg}")
    return item if isinstance(item, dict) else Fault("not_object", "is no JSON object")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text(value: Any) -> str:
    """Return a JSON value as the text that a CSV file would have."""
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return orjson.dumps(value).decode()
