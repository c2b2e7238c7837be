"""The import itself: rows in, events out, and after every acknowledged stretch a note of how far it has come."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import IO, Final, Protocol

from cem.domain.events.rfc3339 import format_ms
from cem.importing.progress import Progress
from cem.importing.rejects import RejectsFile
from cem.importing.table import Row, Table
from cem.importing.translation import RejectedRow, Translated, Translator
from cem.streams.producer import EventProducer, Outgoing

__all__ = ["JsonLinesSink", "KafkaSink", "Sink", "run_import"]

#: Rows translated in one go, before anything else of the process has its turn.
_STRETCH: Final = 500


class Sink(Protocol):
    """Where events go."""

    async def send(self, events: Sequence[Translated]) -> None:
        """Take the events; they may still be under way."""

    async def flush(self) -> None:
        """Return when everything taken is safe."""


class KafkaSink:
    """Sends events to the log."""

    def __init__(self, producer: EventProducer, recorded_ms: Callable[[], int] | None = None) -> None:
        """recorded_ms: the time of ingestion where a simulated clock, not the log, gives it."""
        self._producer = producer
        self._recorded_ms = recorded_ms

    async def send(self, events: Sequence[Translated]) -> None:
        """Take the events; waits while the log, or its reader, is behind. Raises LogUnavailable."""
        more: tuple[tuple[str, bytes], ...] = ()
        if self._recorded_ms is not None:
            more = (("ce_recordedtime", format_ms(self._recorded_ms())),)
        await self._producer.send_many(Outgoing(e.topic, e.key, (*e.headers, *more), e.value) for e in events)

    async def flush(self) -> None:
        """Return when all in-sync replicas have everything. Raises LogUnavailable."""
        await self._producer.flush()


class JsonLinesSink:
    """Writes events as JSON lines: CloudEvents in structured mode, with the topic beside."""

    def __init__(self, file: IO[bytes], source: str) -> None:
        self._file = file
        self._source = source

    async def send(self, events: Sequence[Translated]) -> None:
        """Append the events."""
        self._file.writelines(event.structured(self._source) + b"\n" for event in events)

    async def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()


async def run_import(
    table: Table,
    translator: Translator,
    sink: Sink,
    rejects: RejectsFile,
    progress: Progress,
    *,
    save: Callable[[Progress], None],
    save_due: Callable[[], bool],
    limit: int | None = None,
    on_rows: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Import the rows that `progress` does not have yet and return it, brought up to date.

    save: keeps the progress; called when everything in it is acknowledged. save_due: whether it is time to.
    limit: stop after that row of the file. on_rows: hears of the progress after each stretch, not yet acknowledged.
    Raises FileError, LogUnavailable; what was saved by then stays.
    """
    every = iter(table)
    rows = itertools.islice(every, progress.rows, limit)
    while stretch := list(itertools.islice(rows, _STRETCH)):
        events = _settle(stretch, translator, rejects, progress)
        if events:
            await sink.send(events)
        else:
            await asyncio.sleep(0)
        on_rows(progress)
        if save_due():
            await sink.flush()
            progress.rejects_bytes = rejects.flush()
            save(progress)
    await sink.flush()
    progress.rejects_bytes = rejects.flush()
    progress.finished = limit is None or next(every, None) is None
    save(progress)
    return progress


def _settle(
    stretch: Sequence[Row], translator: Translator, rejects: RejectsFile, progress: Progress
) -> list[Translated]:
    """Count what each row is; write the rejects; return the events."""
    events: list[Translated] = []
    for row in stretch:
        result = translator.translate(row)
        if isinstance(result, Translated):
            events.append(result)
        elif isinstance(result, RejectedRow):
            progress.rejects += 1
            progress.reasons[result.reason] = progress.reasons.get(result.reason, 0) + 1
            rejects.write(result)
        else:
            progress.skipped += 1
    progress.events += len(events)
    progress.rows += len(stretch)
    return events
