"""One lane by itself: the product's own pipeline and stream job over the memory store and a log in lists.

A *moment* is what a lane gets at one lane time: first the ticks that are due, then records of one topic. However its
records are cut into batches, and whatever dies in between, the lane must end where an undisturbed one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cem.domain.thresholds import AlertPolicy
from cem.lane_memory import TOKEN_HEADER
from cem.pipeline import LanePipeline, Limits, RejectLimits
from cem.ports import Emission, JournalEntry, Observer, Record, Unavailable
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stores import MemoryCore, MemoryStore
from cem.streams.dead_letters import dead_letter
from cem.streams.topics import LANE_TOPICS
from tests.builders.customers import DAY
from tests.builders.records import LogRecord
from tests.builders.segments import shipped_segments

__all__ = ["LANE", "Crash", "Ended", "Moment", "OneLane", "Trouble", "run_lane"]

LANE = 0


class Moment(NamedTuple):
    """What comes to the lane at one lane time (ms)."""

    lane_time_ms: int
    topic: str
    records: Sequence[LogRecord]


class Crash(Exception):
    """The worker dies here."""


class Ended(NamedTuple):
    """What is left of a history: everything that must not depend on cuts and deaths."""

    states: dict[str, bytes]
    sorted_sets: dict[str, dict[str, int]]
    positions: dict[str, int]
    lane_time_ms: int
    tick: int
    #: CloudEvents id to record, the token left out.
    emissions: dict[str, Emission]


class OneLane:
    """Log, journal and store of one lane, and the workers that own it one after the other."""

    def __init__(self) -> None:
        self.core = MemoryCore()
        self.inputs: dict[str, list[LogRecord]] = {topic: [] for topic in LANE_TOPICS}
        self.entries: list[JournalEntry] = []
        self.published: list[Emission] = []
        #: The crash point at whose next passage the worker dies; "": it lives.
        self.dies_at = ""
        self._tokens = 0
        rules = Rules(
            "test", alerts=AlertPolicy(), late_limit_ms=7 * DAY, timezone="UTC", segments=shipped_segments()
        )
        self.stepper = CemStepper(rules, dead_letter=dead_letter, lane_of=lambda customer_id: LANE)

    def owner(
        self,
        limits: Limits | None = None,
        *,
        core: MemoryCore | None = None,
        name: str = "worker",
        observer: Observer | None = None,
        reject_limits: RejectLimits | None = None,
    ) -> LanePipeline[Any, Any]:
        """Return a new worker's pipeline, not opened yet."""
        return LanePipeline(
            LANE,
            store=MemoryStore(1, core=core or self.core),
            publisher=self,
            log=self,
            stepper=self.stepper,
            topics=LANE_TOPICS,
            owner=name,
            new_token=self._token,
            pause=_never,
            limits=limits,
            reject_limits=reject_limits,
            rebuild=True,
            at_point=self._passed,
            observer=observer,
        )

    def ended(self, core: MemoryCore | None = None) -> Ended:
        """Return what the store and the topics hold. Demands that copies of an emission are equal."""
        core = core or self.core
        header = core.header_of(LANE)
        assert header is not None
        emissions: dict[str, Emission] = {}
        for emission in self.published:
            bare = Emission(
                emission.topic,
                emission.key,
                emission.value,
                tuple(pair for pair in emission.headers if pair[0] != TOKEN_HEADER),
                emission.partition,
            )
            name = dict(bare.headers)["ce_id"].decode() if bare.topic != "cem.dead-letters" else repr(bare)
            assert emissions.setdefault(name, bare) == bare, f"two copies of {name} differ"
        return Ended(
            core.values(LANE),
            {name: kept.items() for name, kept in core.sorted_sets(LANE).items()},
            {topic: position.next_offset for topic, position in header.positions.items()},
            header.lane_time_ms,
            header.tick,
            emissions,
        )

    # -- the ports ---------------------------------------------------------------------------------------------

    async def publish(self, emissions: Sequence[Emission]) -> None:
        self.published += emissions

    async def append_journal(self, entry: JournalEntry) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    async def cluster_id(self) -> str:
        return "cluster-1"

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        return {topic: (0, len(self.inputs[topic])) for topic in topics}

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        return {topic: self.inputs[topic][offset] for topic, offset in offsets.items()}

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        return self.inputs[topic][first:stop]

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        end = len(self.entries) if stop is None else stop
        if most is not None:
            end = min(end, first + most)
        return list(enumerate(self.entries))[first:end], end

    def _token(self) -> str:
        self._tokens += 1
        return f"t{self._tokens}"

    def _passed(self, point: str) -> None:
        if point == self.dies_at:
            self.dies_at = ""
            raise Crash(point)


class Trouble(NamedTuple):
    """What happens before a batch: another worker takes over, the store loses saves, the worker dies at a point."""

    dies_at: str = ""
    lost_saves: int = 0


def run_lane(
    moments: Sequence[Moment],
    *,
    cuts: Sequence[int] = (),
    troubles: Mapping[int, Trouble] | None = None,
    limits: Limits | None = None,
) -> OneLane:
    """Return the lane after the moments.

    cuts: numbers of records, counted over the whole history, before which a new batch begins. troubles: by the number
    of the batch (a moment's ticks count as one) before which they come; a worker that dies is followed by another.
    """
    lane = OneLane()
    asyncio.run(_run(lane, moments, frozenset(cuts), troubles or {}, limits))
    return lane


async def _run(
    lane: OneLane,
    moments: Sequence[Moment],
    cuts: frozenset[int],
    troubles: Mapping[int, Trouble],
    limits: Limits | None,
) -> None:
    for moment in moments:
        lane.inputs[moment.topic] += moment.records
    pipeline = lane.owner(limits)
    await pipeline.open()
    number = record = 0
    for moment in moments:
        batches: list[list[LogRecord]] = [[]]
        for item in moment.records:
            if record in cuts and batches[-1]:
                batches.append([])
            batches[-1].append(item)
            record += 1
        for batch in (None, *batches):
            trouble = troubles.get(number)
            number += 1
            if trouble is not None:
                pipeline = lane.owner(limits)
                lane.core.rollback(LANE, trouble.lost_saves)
                lane.dies_at = trouble.dies_at
            while True:
                try:
                    if not pipeline.is_open:
                        await pipeline.open()
                    if batch is not None:
                        await pipeline.apply(moment.topic, batch, moment.lane_time_ms)
                    else:
                        while await pipeline.tick(moment.lane_time_ms):
                            pass
                    break
                except Crash:
                    pipeline = lane.owner(limits)
    lane.dies_at = ""
    last = lane.owner(limits)
    await last.open()


async def _never(attempt: int, reason: Unavailable) -> None:
    raise AssertionError(f"nothing is away here: {reason}")
