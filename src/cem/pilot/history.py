"""An operator's files as one history, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cem.importing.event_map import ImportMap
from cem.importing.open_table import open_table
from cem.importing.progress import import_source
from cem.importing.table import Source
from cem.importing.translation import RejectedRow, Translated, Translator

__all__ = ["History", "Piece", "read_history"]

#: Rows between two words on how far it is.
_STRETCH: Final = 5_000


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One record of the history; `cem.ports.Record` of a log with a single lane."""

    topic: str
    #: Position in the history.
    offset: int
    #: When it happened (ms): in a pilot everything is heard of at once.
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    partition: int = 0


class History(msgspec.Struct):
    """What the files hold."""

    pieces: list[Piece]
    rows: int = 0
    skipped: int = 0
    #: Rows that became no event, by reason.
    rejects: dict[str, int] = {}


def read_history(
    files: Sequence[tuple[Path, ImportMap]],
    *,
    now_ms: int,
    hash_key: bytes,
    on_rows: Callable[[Path, int, float], None] = lambda path, rows, share: None,
) -> History:
    """Return the events of all files by time; those of one instant in the order of the files and their rows.

    now_ms: nothing can have happened later. hash_key: for what must not be kept readable, as an SMS's recipient.
    on_rows: hears of the file, its rows so far, and the share of it that is read. Raises FileError, MapError.
    """
    found: list[tuple[int, int, int, Translated]] = []
    history = History([])
    for number, (path, rule) in enumerate(files):
        for row, translated in enumerate(_rows_of(path, rule, now_ms, hash_key, on_rows)):
            history.rows += 1
            if isinstance(translated, Translated):
                found.append((translated.time_ms, number, row, translated))
            elif isinstance(translated, RejectedRow):
                history.rejects[translated.reason] = history.rejects.get(translated.reason, 0) + 1
            else:
                history.skipped += 1
    found.sort(key=lambda each: each[:3])
    history.pieces = [
        Piece(event.topic, offset, time_ms, event.key, event.value, event.headers)
        for offset, (time_ms, _, _, event) in enumerate(found)
    ]
    return history


def _rows_of(
    path: Path, rule: ImportMap, now_ms: int, hash_key: bytes, on_rows: Callable[[Path, int, float], None]
) -> Iterator[object]:
    source = Source(path)
    try:
        translator = Translator(
            rule,
            open_table(source, rule.csv),
            file=path.name,
            source=import_source(path, rule.fingerprint),
            now_ms=now_ms,
            hash_key=hash_key,
        )
        for number, row in enumerate(translator.table, start=1):
            yield translator.translate(row)
            if number % _STRETCH == 0:
                on_rows(path, number, source.share())
    finally:
        source.close()
