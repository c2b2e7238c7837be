"""An import into the log: where its progress lies, how it goes on, and that it does not outrun the workers."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from cem.embedded.mock_cluster import is_embedded
from cem.importing.event_map import ImportMap
from cem.importing.open_table import open_table
from cem.importing.progress import Progress, ProgressFile, hash_key, import_source
from cem.importing.rejects import RejectsFile
from cem.importing.run import KafkaSink, run_import
from cem.importing.table import Source
from cem.importing.translation import Translator
from cem.ports import CustomerReader, Unavailable
from cem.settings import Settings
from cem.stores import RedisStore, open_store
from cem.streams.backpressure import NO_LIMIT, Positions, ReaderPace
from cem.streams.clock import SimulatedClock, read_anchors
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.probe import probe_kafka
from cem.streams.producer import EventProducer
from cem.streams.topics import LANE_TOPICS

__all__ = ["ImportJob", "import_into_log", "lane_positions", "opened", "reader_pace"]

_SAVE_EVERY_S: Final = 1.0
#: How long a store that is away is asked again while an import waits for it.
_STORE_PATIENCE_S: Final = 30.0


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported, and whom to tell."""

    path: Path
    rule: ImportMap
    settings: Settings
    limit: int | None = None
    #: None: beside the progress file.
    rejects: Path | None = None
    #: Send all rows again, also those that are settled.
    again: bool = False
    #: Return when the workers have read everything; give up when they read nothing for `patience_s`.
    wait: bool = True
    patience_s: float = 30.0
    #: Hears how far it is: the progress, and how much of the file has been read (0 to 1).
    on_rows: Callable[[Progress, float], None] = lambda progress, share: None
    #: Hears of everything else that a person would want to know.
    note: Callable[[str], None] = lambda message: None


def opened(job: ImportJob) -> tuple[Source, Translator, str]:
    """Return the opened file, its translator and the import's source. Raises FileError, MapError."""
    source_id = import_source(job.path, job.rule.fingerprint)
    file = Source(job.path)
    try:
        translator = Translator(
            job.rule,
            open_table(file, job.rule.csv),
            file=job.path.name,
            source=source_id,
            now_ms=int(time.time() * 1000),
            hash_key=hash_key(job.settings.state_dir),
        )
    except BaseException:
        file.close()
        raise
    return file, translator, source_id


async def import_into_log(job: ImportJob) -> Progress:
    """Import the file into Kafka and return what became of its rows, those of earlier runs included.

    Raises FileError, MapError, ImportBusy, TopicsWrong, Unavailable; running it again goes on where it was.
    """
    file, translator, source_id = opened(job)
    try:
        options = client_options(job.settings)
        cluster_id = await _cluster_id(job.settings)
        # Another log has not got what this one has, so the progress belongs to the log.
        folder = job.settings.state_dir / "imports" / re.sub(r"[^A-Za-z0-9_-]", "_", cluster_id)
        name = source_id.rpartition(":")[2]
        held = ProgressFile(folder / f"{name}.json")
        try:
            progress = _start(job, held, source_id, folder / f"{name}.rejects.jsonl")
            if progress.finished or (job.limit is not None and progress.rows >= job.limit):
                job.note(
                    "these rows are in already: the figures are of the earlier run; --again sends them once more"
                )
                return progress
            store = open_store(job.settings.redis_url, job.settings.partitions)
            try:
                pace = await reader_pace(store, cluster_id, wait=job.wait, note=job.note)
                expected = dict.fromkeys(LANE_TOPICS, job.settings.partitions)
                async with EventProducer(options, admission=pace, expected_partitions=expected) as producer:
                    clock = await _simulated(job.settings, store)
                    await _run(job, file, translator, KafkaSink(producer, clock), progress, held)
                if pace is not None and job.wait and not await pace.drained(job.patience_s):
                    job.note(
                        f"the workers have read nothing more for {job.patience_s:g} s: {pace.unread():,} records "
                        "wait for them (cem lag)"
                    )
            finally:
                await store.close()
        finally:
            held.close()
    finally:
        file.close()
    return progress


async def _run(
    job: ImportJob,
    file: Source,
    translator: Translator,
    sink: KafkaSink,
    progress: Progress,
    held: ProgressFile,
) -> None:
    assert progress.rejects_file is not None
    rejects = RejectsFile(Path(progress.rejects_file), keep=progress.rejects_bytes)
    saved_s = time.monotonic()

    def save(reached: Progress) -> None:
        nonlocal saved_s
        held.write(reached)
        saved_s = time.monotonic()

    try:
        await run_import(
            translator.table,
            translator,
            sink,
            rejects,
            progress,
            save=save,
            save_due=lambda: time.monotonic() - saved_s >= _SAVE_EVERY_S,
            limit=job.limit,
            on_rows=lambda reached: job.on_rows(reached, file.share()),
        )
    finally:
        rejects.close()


async def _simulated(settings: Settings, store: RedisStore) -> Callable[[], int] | None:
    """Return the simulated clock of the deployment, as its last anchor has it; None if it lives by the wall."""
    if settings.clock != "simulated":
        return None
    clock = SimulatedClock(await read_anchors(store))
    return clock.now_ms if clock.anchors else None


def _start(job: ImportJob, held: ProgressFile, source_id: str, beside: Path) -> Progress:
    before = None if job.again else held.read()
    if before is not None:
        if before.rows and not before.finished:
            job.note(f"going on after row {before.rows:,}")
        return before
    return Progress(source_id, str(job.path), rejects_file=str(job.rejects or beside))


async def _cluster_id(settings: Settings) -> str:
    await probe_kafka(settings)
    log = KafkaLog(client_options(settings))
    try:
        return await log.cluster_id()
    finally:
        await log.stop()


async def reader_pace(
    store: CustomerReader, cluster_id: str, *, wait: bool, note: Callable[[str], None]
) -> ReaderPace | None:
    """Return what holds a producer back for the workers; None where neither the log nor the caller needs it.

    Raises Unavailable when the embedded log needs it and the store does not answer.
    """
    embedded = is_embedded(cluster_id)
    if not embedded and not wait:
        return None
    positions = lane_positions(store, cluster_id)
    try:
        await positions()
    except Unavailable as error:
        if embedded:
            raise
        note(f"not waiting for the workers: {error}")
        return None
    if not embedded:
        return ReaderPace(positions, ahead_records=NO_LIMIT, ahead_bytes=NO_LIMIT)
    told = False

    def on_wait(seconds: float) -> None:
        nonlocal told
        if seconds > 5.0 and not told:
            told = True
            note("waiting for a worker to read on: the embedded log holds little (is cem worker running?)")
        elif seconds < 1.0:
            told = False

    return ReaderPace(positions, on_wait=on_wait)


def lane_positions(store: CustomerReader, cluster_id: str) -> Positions:
    """Return the function that asks how far the lanes have read the log of this cluster, by topic and partition.

    A store that is away is asked again for a while. Raises Unavailable after that.
    """
    answered = False

    async def ask() -> Mapping[tuple[str, int], int]:
        nonlocal answered
        until_s = time.monotonic() + _STORE_PATIENCE_S
        while True:
            try:
                headers = await store.headers()
            except Unavailable:
                if not answered or time.monotonic() > until_s:
                    raise
                await asyncio.sleep(0.5)
                continue
            answered = True
            return {
                (topic, lane): position.next_offset
                for lane, header in headers.items()
                if header.cluster_id == cluster_id
                for topic, position in header.positions.items()
            }

    return ask
