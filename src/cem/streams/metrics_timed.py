"""Ports that time what passes through them. They change nothing, and raise what the port behind them raises."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Container, Mapping, Sequence
from typing import Generic, TypeVar

from cem.ports import Emission, JournalEntry, LaneImage, Publisher, Record, Save, SaveAnswer, StateStore
from cem.stepper import Moment, Outcome, Stepper
from cem.streams.metrics import WorkerMetrics
from cem.streams.metrics_plain import PlainHistogram

__all__ = ["TimedPublisher", "TimedStepper", "TimedStore"]

S = TypeVar("S")
T = TypeVar("T")
Item = TypeVar("Item")


class TimedStore:
    """`cem.ports.StateStore`; the time of a call that fails counts too."""

    def __init__(self, store: StateStore, metrics: WorkerMetrics) -> None:
        self._store = store
        self._load = metrics.load_s
        self._save = metrics.save_s

    async def open_lane(self, lane: int) -> LaneImage:
        return await self._store.open_lane(lane)

    async def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        return await _timed(self._load, self._store.load(lane, suffixes))

    async def save(self, lane: int, save: Save) -> SaveAnswer:
        return await _timed(self._save, self._store.save(lane, save))

    async def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        return await self._store.due(lane, until_ms, limit)


class TimedPublisher:
    """`cem.ports.Publisher`."""

    def __init__(self, publisher: Publisher, metrics: WorkerMetrics) -> None:
        self._publisher = publisher
        self._publish = metrics.publish_s
        self._journal = metrics.journal_s

    async def publish(self, emissions: Sequence[Emission]) -> None:
        await _timed(self._publish, self._publisher.publish(emissions))

    async def append_journal(self, entry: JournalEntry) -> int:
        return await _timed(self._journal, self._publisher.append_journal(entry))


class TimedStepper(Generic[S, Item]):
    """`cem.stepper.Stepper` of one lane: decoding and folding of a batch are one time."""

    def __init__(self, stepper: Stepper[S, Item], metrics: WorkerMetrics) -> None:
        self._stepper = stepper
        self._metrics = metrics
        self._read_s = 0.0
        # Called once a customer: passed on without a layer between.
        self.standing = stepper.standing
        self.new_state = stepper.new_state
        self.decode_state = stepper.decode_state
        self.encode_state = stepper.encode_state
        self.due_of = stepper.due_of

    @property
    def versions(self) -> dict[str, str]:
        return self._stepper.versions

    def at(self, versions: Mapping[str, str]) -> Stepper[S, Item]:
        return self._stepper.at(versions)

    def read(self, records: Sequence[Record], known: Container[str] = ()) -> Sequence[Item]:
        began = time.perf_counter()
        items = self._stepper.read(records, known)
        self._read_s = time.perf_counter() - began
        return items

    def customers(self, items: Sequence[Item]) -> Sequence[str]:
        return self._stepper.customers(items)

    def step(self, states: Mapping[str, S], items: Sequence[Item], moment: Moment) -> Outcome:
        began = time.perf_counter()
        outcome = self._stepper.step(states, items, moment)
        self._metrics.step_s.observe(self._read_s + time.perf_counter() - began)
        return outcome

    def tick(self, states: Mapping[str, S], customers: Sequence[str], moment: Moment) -> Outcome:
        began = time.perf_counter()
        outcome = self._stepper.tick(states, customers, moment)
        self._metrics.step_s.observe(time.perf_counter() - began)
        return outcome


async def _timed(histogram: PlainHistogram, call: Awaitable[T]) -> T:
    began = time.perf_counter()
    try:
        return await call
    finally:
        histogram.observe(time.perf_counter() - began)
