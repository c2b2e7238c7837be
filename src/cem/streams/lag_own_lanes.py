"""One look at the lanes of this worker: their positions as it holds them, and why one does not go on at first hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cem.streams.lag import Look, Partition
from cem.streams.lag_look import Bounds, Reached, take_look
from cem.streams.lag_reader import LagReader
from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet

__all__ = ["look_at_own_lanes"]


async def look_at_own_lanes(reader: LagReader, lanes: LaneSet, *, group: str, topics: Sequence[str]) -> Look:
    """Return a look at the lanes that this worker has at the moment; none is a look at nothing. Raises Unavailable."""
    mine = dict(lanes.lanes)
    wanted = [(topic, number) for topic in topics for number in sorted(mine)]

    async def reached(bounds: Bounds) -> Mapping[Partition, Reached]:
        return {(topic, number): _reached(mine[number], topic) for topic, number in bounds}

    return await take_look(reader, group, wanted, reached, held=frozenset(wanted))


def _reached(lane: Lane, topic: str) -> Reached:
    pipeline = lane.pipeline
    if lane.stopped is not None:
        position = pipeline.header.positions.get(topic)
        known = position is not None and pipeline.header.token
        return Reached(position.next_offset if position and known else None, stopped=lane.stopped)
    if not pipeline.is_open:
        waits = f", and waits: {lane.waiting_for}" if lane.waiting_for else ""
        return Reached(None, unknown=f"the lane is being opened{waits}")
    return Reached(pipeline.position(topic).next_offset, paused=pipeline.paused(topic))
