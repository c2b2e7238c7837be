"""Kafka and Redis as the fault simulation has them: exact, instantaneous, and able to go wrong on request.

Every method of a port is a coroutine that awaits one `Call`; whoever steps the coroutine decides when the call takes
effect, how often, and what its caller gets to hear.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from cem.ports import (
    Emission,
    JournalEntry,
    LaneImage,
    Log,
    Publisher,
    Record,
    StateStore,
    Unavailable,
)
from cem.stores.memory import MemoryCore

TOPICS = ("a", "b", "c")
LANE = 0


class Call(Awaitable[Any]):
    """One call of a port, not yet made. `fn` makes it on the models and returns the answer."""

    def __init__(self, name: str, fn: Callable[[], Any]) -> None:
        self.name = name
        self.fn = fn

    def __await__(self) -> Generator[Call, Any, Any]:
        return (yield self)


class ModelRecord(NamedTuple):
    """A record of the modelled log."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class KafkaModel:
    """Three input topics, a journal and one output topic of one partition each."""

    def __init__(self) -> None:
        self.inputs: dict[str, list[ModelRecord]] = {topic: [] for topic in TOPICS}
        self.journal: list[JournalEntry] = []
        #: (emission, instance of the publisher that sent it)
        self.published: list[tuple[Emission, int]] = []
        self.cluster = "cluster-1"

    def produce(self, topic: str, key: str, value: int, time_ms: int) -> None:
        log = self.inputs[topic]
        log.append(ModelRecord(topic, LANE, len(log), time_ms, key.encode(), str(value).encode()))


class PublisherPort(Publisher):
    """What one worker process publishes through."""

    def __init__(self, kafka: KafkaModel, instance: int) -> None:
        self.kafka = kafka
        self.instance = instance
        #: How many emissions of the next publication get through before it fails; None: all.
        self.cut_after: int | None = None

    async def publish(self, emissions: Sequence[Emission]) -> None:
        def effect() -> None:
            cut, self.cut_after = self.cut_after, None
            sent = emissions if cut is None else emissions[:cut]
            self.kafka.published.extend((e, self.instance) for e in sent)
            if cut is not None:
                raise Unavailable("the broker went away in the midst of it")

        await Call("publish", effect)

    async def append_journal(self, entry: JournalEntry) -> int:
        def effect() -> int:
            self.kafka.journal.append(entry)
            return len(self.kafka.journal) - 1

        return int(await Call("append_journal", effect))


class LogPort(Log):
    """Reading the modelled log."""

    def __init__(self, kafka: KafkaModel) -> None:
        self.kafka = kafka

    async def cluster_id(self) -> str:
        return str(await Call("cluster_id", lambda: self.kafka.cluster))

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        return dict(await Call("bounds", lambda: {t: (0, len(self.kafka.inputs[t])) for t in topics}))

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        def effect() -> dict[str, Record]:
            inputs = self.kafka.inputs
            return {t: inputs[t][o] for t, o in offsets.items() if o < len(inputs[t])}

        return dict(await Call("peek", effect))

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        return list(await Call("read", lambda: self.kafka.inputs[topic][first:stop]))

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        def effect() -> tuple[list[tuple[int, JournalEntry]], int]:
            end = len(self.kafka.journal) if stop is None else stop
            if most is not None:
                end = min(end, first + most)
            return list(enumerate(self.kafka.journal))[first:end], end

        entries, end = await Call("journal", effect)
        return entries, end


class StorePort(StateStore):
    """The modelled Redis: the memory twin, whose equality with the Lua script the stores' suite shows."""

    def __init__(self, core: MemoryCore) -> None:
        self.core = core

    async def open_lane(self, lane: int) -> LaneImage:
        return await Call("open_lane", lambda: self.core.open_lane(lane))

    async def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        token, values = await Call("load", lambda: self.core.load(lane, suffixes))
        return token, values

    async def save(self, lane: int, save: Any) -> Any:
        return await Call("save", lambda: self.core.save(lane, save))

    async def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        token, members = await Call("due", lambda: self.core.due(lane, until_ms, limit))
        return token, members


class SimState(msgspec.Struct, array_like=True):
    """A customer of the simulation, or the lane itself. `chain` depends on everything that happened to him, in order."""

    customer_id: str
    count: int = 0
    chain: int = 0
    due_ms: int = 0
    woken: int = 0
    #: The score under which he stands in the lane's sorted set of alerts; 0: he does not.
    alert: int = 0
