"""A topic of examples in a list, a store of models in a dictionary, and writers between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cem.learning.examples import Example, encode_example
from cem.learning.pupil import COMMAND_TYPE, Command, Limits, encode_command
from cem.ports import JournalEntry, Record
from cem.streams.model_writer import KeptFiles, ModelWriter
from cem.streams.topics import examples_topic
from tests.builders.records import LogRecord

__all__ = ["Died", "ExamplesLog", "ModelValues", "advance", "churn_examples", "digest_of", "writer"]

HOUR_MS = 3_600_000


class Died(Exception):
    """The writer dies here."""


class ExamplesLog:
    """`cem.ports.Log` of one topic with one partition."""

    def __init__(self, model: str, cluster: str = "cluster-1") -> None:
        self.topic = examples_topic(model)
        self.cluster = cluster
        self.records: list[LogRecord] = []

    def add(
        self, x: Any, y: Any, *, source: str = "", at_ms: int = 0, lane: str = "", sequence: int = 0
    ) -> int:
        headers = [("ce_type", b"example.made")]
        if lane:
            headers += [("ce_source", lane.encode()), ("ce_sequence", b"%d" % sequence)]
        return self._append(encode_example(Example(x, y, at_ms, source)), at_ms, headers)

    def command(self, command: Command, at_ms: int = 0) -> int:
        return self._append(encode_command(command), at_ms, [("ce_type", COMMAND_TYPE.encode())])

    def _append(self, value: bytes, at_ms: int, headers: list[tuple[str, bytes]]) -> int:
        offset = len(self.records)
        self.records.append(LogRecord(self.topic, 0, offset, at_ms, b"C1", value, tuple(headers)))
        return offset

    async def cluster_id(self) -> str:
        return self.cluster

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        return {topic: (0, len(self.records)) for topic in topics}

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        return {topic: self.records[offset] for topic, offset in offsets.items()}

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        return self.records[first:stop]

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        return [], 0


class ModelValues:
    """The store, as far as models need it; `history` has every value that was ever there."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.history: list[dict[str, bytes]] = []

    async def get_raw(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def part_raw(self, key: str, first: int, last: int) -> bytes:
        return self.values.get(key, b"")[first : last + 1]

    async def swap_raw(self, key: str, first: int, last: int, expected: bytes, value: bytes) -> bool:
        if self.values.get(key, b"")[first : last + 1] != expected:
            return False
        self.values[key] = value
        self.history.append(dict(self.values))
        return True


def writer(
    log: ExamplesLog,
    store: ModelValues,
    folder: Path,
    *,
    model: str = "churn",
    every: int = 50,
    limits: Limits | None = None,
    at_point: Callable[[str], None] = lambda name: None,
    adopt_new_log: bool = False,
) -> ModelWriter:
    """Return a writer that publishes every so many examples, and keeps each snapshot that it publishes."""
    return ModelWriter(
        model,
        store=store,
        log=log,
        files=KeptFiles(folder, most=100),
        owner="w",
        publish_every_s=1e9,
        publish_examples=every,
        keep_every_s=0.0,
        limits=limits,
        now_s=lambda: 0.0,
        wall_ms=lambda: 0,
        at_point=at_point,
        adopt_new_log=adopt_new_log,
    )


def advance(made: ModelWriter, *, open_it: bool = True) -> ModelWriter:
    """Let the writer take all there is."""

    async def run() -> None:
        if open_it:
            await made.open()
        while await made.advance():
            pass

    asyncio.run(run())
    return made


def digest_of(made: ModelWriter) -> bytes:
    """Return all of what the writer has learnt."""
    return made.pupil.snapshot()


def churn_examples(log: ExamplesLog, many: int, *, every_ms: int = 1_000) -> None:
    """Put examples of a rule into the log: who calls often leaves; the truth of each hundredth is corrected later."""
    for number in range(many):
        calls = (number * 7919) % 11
        x = {"contacts_30d": float(calls), "price": float(number % 5)}
        y = int(calls > 7)
        log.add(
            x,
            y,
            source=f"churn/C{number}/1",
            at_ms=number * every_ms,
            lane="/lanes/0/ticks",
            sequence=number + 1,
        )
